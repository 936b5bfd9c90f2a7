// Every kind of descriptor by every way to learn of the end (after FreeBSD's aio_test): random bytes are written by
// aio_write, read back by aio_read, and compared. Terminals need ioctl, so they come from a small C program that hands
// them to this file's own process, started again under it.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { aio, block } from '../support/posix.js';
import { handled, signal, until } from '../support/posix-events.js';
import { runProgram } from '../support/program.js';
import { setBlocking, socketPair } from '../support/sockets.js';
import { LONG, nameOf, queued } from '../support/status.js';
import { opened, openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

interface Ends {
  write: number;
  read: number;
  size: number;
}

const KINDS: Record<string, (t: TestContext) => Ends | Promise<Ends>> = {
  file: (t) => {
    const fd = opened(t, temporaryFile(t), 'r+');
    return { write: fd, read: fd, size: 16_384 };
  },
  FIFO: (t) => {
    const fifo = join(temporaryDirectory(t), 'fifo');
    execFileSync('mkfifo', [fifo]);
    const read = opened(t, fifo, 'r+'); // or opening would wait for the other end
    return { write: opened(t, fifo, 'w'), read, size: 16_384 };
  },
  pipe: (t) => ({ ...openPipe(t), size: 16_384 }),
  socket: async (t) => {
    const [write, read] = await socketPair(t);
    setBlocking(write);
    setBlocking(read);
    return { write, read, size: 16_384 };
  },
};

/** How a request is made and its end learnt; returns its result. */
type Method = (t: TestContext, call: (cb: aio.aiocb) => number, cb: aio.aiocb) => number | Promise<number>;

const METHODS: Record<string, Method> = {
  polling: (_, call, cb) => {
    queued(call(cb));
    while (aio.aio_error(cb) === aio.EINPROGRESS);
    return aio.aio_return(cb);
  },
  'a signal': async (t, call, cb) => {
    const infos = handled(t, aio.SIGRTMIN + 12);
    cb.aio_sigevent = signal(aio.SIGRTMIN + 12, cb);
    queued(call(cb));
    await until(() => infos.length > 0, 'the signal');
    assert.equal(infos[0].si_value, cb);
    return aio.aio_return(cb);
  },
  aio_suspend: (_, call, cb) => {
    queued(call(cb));
    assert.equal(aio.aio_suspend([cb], 1, LONG), 0);
    return aio.aio_return(cb);
  },
  'a callback': async (_, call, cb) => {
    let called: unknown;
    cb.aio_sigevent = {
      sigev_notify: aio.SIGEV_THREAD,
      sigev_value: cb,
      sigev_notify_function: (value: unknown) => {
        called = value;
      },
    };
    queued(call(cb));
    await until(() => called !== undefined, 'the callback');
    assert.equal(called, cb);
    return aio.aio_return(cb);
  },
  aio_waitcomplete: (_, call, cb) => {
    queued(call(cb));
    for (;;) {
      const completion = aio.aio_waitcomplete(LONG);
      if (completion === -1) assert.fail(nameOf(aio.errno));
      if (completion.cb === cb) return completion.result;
    }
  },
  completion: (_, call, cb) => {
    queued(call(cb));
    return aio.completion(cb);
  },
};

for (const [kind, open] of Object.entries(KINDS)) {
  for (const [name, method] of Object.entries(METHODS)) {
    covers('B1 R1 W1', `a ${kind} by ${name}: what is written is read back`, async (t) => {
      const { write, read, size } = await open(t);
      const data = randomBytes(size);
      const writing = block(write, size, { aio_buf: data });
      assert.equal(await method(t, aio.aio_write, writing), size);
      const found = Buffer.alloc(size);
      for (let got = 0; got < size; ) {
        const reading = block(read, size - got, {
          aio_buf: found.subarray(got),
          aio_offset: kind === 'file' ? got : 0,
        });
        const count = await method(t, aio.aio_read, reading);
        assert.ok(count > 0);
        got += count;
      }
      assert.ok(found.equals(data));
    });
  }
}

/** Opens a raw terminal, its master as 3 and its slave as 4, and becomes the command that follows. */
const TERMINAL = `
  #define _GNU_SOURCE
  #include <fcntl.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <termios.h>
  #include <unistd.h>
  int main(int argc, char **argv) {
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master)) return perror("pty"), 1;
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct termios raw;
    if (slave < 0 || tcgetattr(slave, &raw)) return perror("pts"), 1;
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    int to[2] = {fcntl(master, F_DUPFD, 10), fcntl(slave, F_DUPFD, 10)};
    dup2(to[0], 3);
    dup2(to[1], 4);
    for (int fd = 5; fd < 32; fd++) close(fd);
    execv(argv[1], argv + 1);
    return perror(argv[1]), 1;
  }`;

const TERMINAL_PROGRAM = `
  import * as aio from 'linux-aio/posix';
  const long = { tv_sec: 20, tv_nsec: 0 };
  const over = (call, cb) => {
    if (call(cb) !== 0 || aio.aio_suspend([cb], 1, long) !== 0) throw new Error('errno ' + aio.errno);
    return [aio.aio_error(cb), aio.aio_return(cb)];
  };
  const cbOf = (fd, aio_buf) => new aio.aiocb({ aio_fildes: fd, aio_buf, aio_nbytes: aio_buf.length });
  const results = [];
  for (const [from, to] of [[3, 4], [4, 3]]) {
    const data = Buffer.alloc(256, 'terminal');
    results.push(over(aio.aio_write, cbOf(from, data)));
    const found = Buffer.alloc(256);
    for (let got = 0; got < 256; ) {
      const [error, count] = over(aio.aio_read, cbOf(to, found.subarray(got)));
      if (error !== 0 || count <= 0) throw new Error('read ' + error);
      got += count;
    }
    results.push(found.equals(data));
    // Blocked reads of a terminal do not hold up its writes, and can be cancelled.
    const blocked = cbOf(to, Buffer.alloc(16));
    aio.aio_read(blocked);
    results.push(aio.aio_error(blocked) === aio.EINPROGRESS, over(aio.aio_write, cbOf(to, Buffer.from('x'))));
    results.push(over(aio.aio_read, cbOf(from, Buffer.alloc(16))));
    results.push(aio.aio_cancel(to, blocked), aio.aio_error(blocked), aio.aio_return(blocked));
  }
  console.log(JSON.stringify(results));
`;

covers(
  'B1',
  'a terminal, in both directions, with a blocked read on each',
  { skip: noCompiler() },
  async (t) => {
    const directory = temporaryDirectory(t);
    const program = join(directory, 'terminal');
    fs.writeFileSync(`${program}.c`, TERMINAL);
    execFileSync('cc', [`${program}.c`, '-o', program]);
    const { stdout, stderr, code } = await runProgram(TERMINAL_PROGRAM, { launcher: [program] });
    const direction = [[0, 256], true, true, [0, 1], [0, 1], aio.AIO_CANCELED, aio.ECANCELED, -1];
    assert.deepEqual([stdout, stderr, code], [`${JSON.stringify([...direction, ...direction])}\n`, '', 0]);
  },
);

function noCompiler(): string | false {
  return spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'no C compiler';
}
