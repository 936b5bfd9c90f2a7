// "You can start lots of I/Os in the context of a single system call": counted by strace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { runProgram } from '../support/program.js';
import { NO_DIRECT, temporaryDirectory, temporaryFile } from '../support/temp.js';
import { covers } from './table.js';

/** The io_uring_enter calls between each pair of marks, which the program makes with `mark(name)`. */
async function entersOf(t: TestContext, source: string): Promise<Record<string, string[]>> {
  const log = join(temporaryDirectory(t), 'strace');
  const path = temporaryFile(t, Buffer.alloc(64 * 4096, 'x'));
  const program = `
    import { BufferPool } from 'linux-aio';
    import * as aio from 'linux-aio/posix';
    const mark = (name) => fs.existsSync('/mark/' + name);
    // O_DIRECT: what is cached may be served without the kernel's ring, on some file systems.
    const fd = fs.openSync(process.argv[1], fs.constants.O_RDONLY | fs.constants.O_DIRECT);
    const pool = new BufferPool({ size: 4096, count: 65 });
    const cbFor = (i) => new aio.aiocb({
      aio_fildes: fd, aio_buf: pool.acquire(), aio_nbytes: 4096, aio_offset: i * 4096, aio_lio_opcode: aio.LIO_READ,
    });
    const list = Array.from({ length: 64 }, (_, i) => cbFor(i));
    const warm = cbFor(0);
    aio.aio_read(warm);
    aio.aio_suspend([warm], 1, null);
    aio.aio_return(warm);
    ${source}
    mark('end');`;
  const launcher = [
    'strace',
    '-f',
    '-qq',
    '-e',
    'trace=io_uring_enter,access,faccessat,faccessat2',
    '-o',
    log,
  ];
  const { stderr, code } = await runProgram(program, { launcher, args: [path] });
  assert.deepEqual([stderr, code], ['', 0]);
  const enters: Record<string, string[]> = {};
  let mark = '';
  for (const line of fs.readFileSync(log, 'latin1').split('\n')) {
    const name = /"\/mark\/(\w+)"/.exec(line)?.[1];
    if (name) {
      mark = name;
      enters[mark] = [];
    } else if (mark && line.includes('io_uring_enter(')) enters[mark].push(line.replace(/^\d+ +/, ''));
  }
  return enters;
}

const options = { engine: 'io_uring', skip: noStrace() || noDirect() } as const;

covers('', 'lio_listio(LIO_WAIT) of 64 reads is one system call', options, async (t) => {
  const { list } = await entersOf(
    t,
    `mark('list');
     if (aio.lio_listio(aio.LIO_WAIT, list, 64, null) !== 0) throw new Error('lio_listio ' + aio.errno);
     mark('after');
     for (const cb of list) if (aio.aio_return(cb) !== 4096) throw new Error('short');`,
  );
  assert.equal(list.length, 1, list.join('\n'));
  assert.match(list[0], /^io_uring_enter\(\d+, 64, /, 'all 64 are handed over in it');
});

covers('', 'lio_listio(LIO_WAIT) is one system call though a pipe is being read', options, async (t) => {
  const { list } = await entersOf(
    t,
    `const { execFileSync } = await import('node:child_process');
     execFileSync('mkfifo', [process.argv[1] + '.fifo']);
     const pipe = fs.openSync(process.argv[1] + '.fifo', 'r+');
     aio.aio_read(new aio.aiocb({ aio_fildes: pipe, aio_buf: Buffer.alloc(16), aio_nbytes: 16 }));
     mark('list');
     if (aio.lio_listio(aio.LIO_WAIT, list, 64, null) !== 0) throw new Error('lio_listio ' + aio.errno);
     mark('after');
     aio.aio_cancel(pipe, null);`,
  );
  assert.equal(list.length, 1, list.join('\n'));
});

covers('', 'lio_listio(LIO_NOWAIT) of 64 reads is one system call', options, async (t) => {
  const { list } = await entersOf(
    t,
    `mark('list');
     if (aio.lio_listio(aio.LIO_NOWAIT, list, 64, null) !== 0) throw new Error('lio_listio ' + aio.errno);
     mark('after');
     for (const cb of list) aio.aio_suspend([cb], 1, null);`,
  );
  assert.equal(list.length, 1, list.join('\n'));
  assert.match(list[0], /^io_uring_enter\(\d+, 64, /);
});

covers('', 'aio_read is one system call, and so is aio_suspend for what is not over', options, async (t) => {
  const { read, suspend, status } = await entersOf(
    t,
    `const { execFileSync, spawn } = await import('node:child_process');
     const fifo = process.argv[1] + '.fifo';
     execFileSync('mkfifo', [fifo]);
     const pipe = fs.openSync(fifo, 'r+');
     fs.unlinkSync(fifo);
     const cb = new aio.aiocb({ aio_fildes: pipe, aio_buf: Buffer.alloc(16), aio_nbytes: 16 });
     spawn('/bin/sh', ['-c', 'sleep 0.2; echo data >&3'], { stdio: ['ignore', 'ignore', 'ignore', pipe] }).unref();
     mark('read');
     aio.aio_read(cb);
     mark('suspend');
     if (aio.aio_suspend([cb], 1, null) !== 0) throw new Error('aio_suspend ' + aio.errno);
     mark('status');
     if (aio.aio_error(cb) !== 0 || aio.aio_return(cb) !== 5) throw new Error('status');`,
  );
  assert.equal(read.length, 1, read.join('\n'));
  assert.equal(suspend.length, 1, suspend.join('\n'));
  assert.deepEqual(status, [], 'a final status takes none');
});

function noStrace(): string | false {
  const { status } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
  return status === 0 ? false : 'no strace, or not allowed here';
}

function noDirect(): string | false {
  const path = join(tmpdir(), `linux-aio-direct-${process.pid}`);
  try {
    fs.writeFileSync(path, '');
    fs.closeSync(fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECT));
    return false;
  } catch {
    return NO_DIRECT;
  } finally {
    fs.rmSync(path, { force: true });
  }
}
