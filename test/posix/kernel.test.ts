// The system calls of Linux AIO (after the Linux Test Project's): what native/linux-aio.c relies on, asked of this
// kernel by linux-aio.c, and what becomes of their errors above the native engine.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { addressOf } from '../support/internals.js';
import { aio, block } from '../support/posix.js';
import { packageRoot } from '../support/program.js';
import { collected, failed, fails, queued, succeeded } from '../support/status.js';
import { alignedView, opened, openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

const [EFAULT, EINVAL, EAGAIN, EBADF] = [-14, -22, -11, -9];
const skip = unusable();

let answers: Map<string, string> | undefined;

/** The kernel's answers by name; the program runs once. */
function answersOf(t: TestContext): Map<string, string> {
  if (!answers) {
    const program = join(temporaryDirectory(t), 'linux-aio');
    execFileSync('cc', ['-Wall', join(packageRoot, 'test', 'posix', 'linux-aio.c'), '-o', program]);
    const lines = execFileSync(program, [temporaryFile(t, 'some data')], { encoding: 'utf8' })
      .trim()
      .split('\n');
    answers = new Map(lines.map((line) => line.split(/ (.*)/, 2) as [string, string]));
  }
  return answers;
}

function expects(t: TestContext, expected: Record<string, number | string>): void {
  const found = answersOf(t);
  for (const [name, answer] of Object.entries(expected)) assert.equal(found.get(name), String(answer), name);
}

covers(
  'K1',
  'io_setup: EFAULT without a place for the context, EINVAL for one in use or a bad number, EAGAIN for too many',
  { skip },
  (t) =>
    expects(t, {
      'setup-null': EFAULT,
      'setup-used': EINVAL,
      'setup-minus': EINVAL,
      'setup-zero': EINVAL,
      'setup-over': EAGAIN,
      setup: 0,
    }),
);

covers(
  'K2',
  'io_submit: EINVAL for a bad context, number or opcode, EFAULT for bad pointers, EBADF for a bad descriptor',
  { skip },
  (t) =>
    expects(t, {
      'submit-context': EINVAL,
      'submit-minus': EINVAL,
      'submit-null': EFAULT,
      'submit-null-iocb': EFAULT,
      'submit-closed': EBADF,
      'submit-direction': EBADF,
      'submit-opcode': EINVAL,
      'submit-none': 0,
    }),
);

covers(
  'K2',
  'an EBADF of io_submit is the status of its element, and the others of the list run',
  { engine: 'native' },
  (t) => {
    const path = temporaryFile(t, Buffer.alloc(8192, 'x'));
    const { O_DIRECT, O_RDONLY, O_WRONLY } = fs.constants;
    const flags = (base: number) => {
      try {
        fs.closeSync(fs.openSync(path, base | O_DIRECT));
        return base | O_DIRECT;
      } catch {
        return base; // no O_DIRECT here: then io_submit is not what answers, and the answer is the same
      }
    };
    const [readable, writable] = [opened(t, path, flags(O_RDONLY)), opened(t, path, flags(O_WRONLY))];
    const list = [readable, writable, readable].map((fd) =>
      block(fd, 4096, { aio_buf: alignedView(4096, addressOf), aio_lio_opcode: aio.LIO_READ }),
    );
    fails(aio.lio_listio(aio.LIO_WAIT, list, 3, null), 'EIO');
    assert.deepEqual(list.map(collected), [succeeded(4096), failed('EBADF'), succeeded(4096)]);
  },
);

covers('K3', 'io_submit with RWF_NOWAIT: the event of a read of an empty pipe is EAGAIN', { skip }, (t) =>
  expects(t, { nowait: 1, 'nowait-event': 1, 'nowait-result': EAGAIN }),
);

covers(
  'K3 X24',
  'a read of an empty O_NONBLOCK pipe is EAGAIN above the native engine too',
  { engine: 'native' },
  (t) => {
    const { O_RDONLY, O_NONBLOCK } = fs.constants;
    const cb = block(opened(t, `/proc/self/fd/${openPipe(t).read}`, O_RDONLY | O_NONBLOCK), 8);
    queued(aio.aio_read(cb));
    assert.deepEqual(collected(cb), failed('EAGAIN'));
  },
);

covers(
  'K4',
  'io_cancel: EFAULT for a bad pointer, EINVAL for a bad context or what is not running; a poll can be cancelled',
  { skip },
  (t) =>
    expects(t, {
      'cancel-bad': EFAULT,
      'cancel-context': EINVAL,
      'cancel-unknown': EINVAL,
      poll: 1,
      'cancel-poll': 'cancelled',
      'cancel-poll-event': 1,
    }),
);

covers('K5', 'io_destroy, io_getevents and io_pgetevents: EINVAL and EFAULT', { skip }, (t) =>
  expects(t, {
    'getevents-context': EINVAL,
    'getevents-min': EINVAL,
    'getevents-nr': EINVAL,
    'getevents-order': EINVAL,
    'getevents-timeout': EFAULT,
    'pgetevents-mask': EFAULT,
    'pgetevents-context': EINVAL,
    submit: 1,
    'getevents-bad': EFAULT,
    'destroy-context': EINVAL,
    destroy: 0,
  }),
);

covers(
  'K4 C7',
  'what io_cancel cannot cancel is AIO_NOTCANCELED or over, and is not disturbed',
  { engine: 'native' },
  (t) => {
    const { O_DIRECT, O_RDONLY } = fs.constants;
    const path = temporaryFile(t, Buffer.alloc(1 << 20, 'x'));
    let fd: number;
    try {
      fd = opened(t, path, O_RDONLY | O_DIRECT);
    } catch {
      fd = opened(t, path);
    }
    for (let round = 0; round < 20; round++) {
      const cb = block(fd, 1 << 20, { aio_buf: alignedView(1 << 20, addressOf) });
      queued(aio.aio_read(cb));
      const answer = aio.aio_cancel(fd, cb);
      const { error, result } = collected(cb);
      if (answer === aio.AIO_CANCELED) assert.deepEqual([error, result], ['ECANCELED', -1]);
      else assert.deepEqual([error, result], ['0', 1 << 20]);
    }
  },
);

function unusable(): string | false {
  if (spawnSync('cc', ['--version'], { stdio: 'ignore' }).status !== 0) return 'no C compiler';
  return fs.existsSync('/proc/sys/fs/aio-max-nr') ? false : 'this kernel has no Linux AIO';
}
