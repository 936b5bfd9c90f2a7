// Callbacks with a position on what has none, and with nothing to transfer: the errors are the system's, as in Node.
import assert from 'node:assert/strict';
import nodeFs from 'node:fs';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import fs from 'linux-aio/fs';
import { opened, openPipe, temporaryDirectory } from '../support/temp.js';

type Call = (fd: number, fsToUse: typeof nodeFs) => Promise<unknown>;

const buffer = () => Buffer.from('text');

describe('a position on a pipe', () => {
  const reads: Record<string, Call> = {
    read: (fd, { read }) => promisify(read)(fd, buffer(), 0, 4, 5),
    readv: (fd, { readv }) => promisify(readv)(fd, [buffer()], 5),
  };
  const writes: Record<string, Call> = {
    'write of bytes': (fd, { write }) => promisify(write)(fd, buffer(), 0, 4, 5),
    'write of text': (fd, { write }) => promisify(write as never as typeof fs.writev)(fd, 'text' as never, 5),
    writev: (fd, { writev }) => promisify(writev)(fd, [buffer()], 5),
  };
  for (const [name, call] of Object.entries(reads)) {
    it(`is refused by ${name}, which takes nothing out`, async (t) => {
      const pipe = openPipe(t);
      nodeFs.writeSync(pipe.write, 'in the pipe');
      for (const each of [nodeFs, fs]) await assert.rejects(call(pipe.read, each), { code: 'ESPIPE' });
      assert.equal(nodeFs.readSync(pipe.read, Buffer.alloc(64)), 11);
    });
  }
  for (const [name, call] of Object.entries(writes)) {
    it(`is refused by ${name}, which puts nothing in`, async (t) => {
      const pipe = openPipe(t);
      for (const each of [nodeFs, fs]) await assert.rejects(call(pipe.write, each), { code: 'ESPIPE' });
      nodeFs.writeSync(pipe.write, 'x');
      assert.equal(nodeFs.readSync(pipe.read, Buffer.alloc(64)), 1);
    });
  }
});

describe('nothing but empty buffers', () => {
  it('are a system call all the same, and its error is seen', async (t) => {
    const fd = opened(t, temporaryDirectory(t));
    for (const { readv, writev } of [nodeFs, fs]) {
      await assert.rejects(promisify(readv)(fd, [Buffer.alloc(0)]), { code: 'EISDIR' });
      await assert.rejects(promisify(writev)(fd, [Buffer.alloc(0)]), { code: 'EBADF' });
    }
  });
});
