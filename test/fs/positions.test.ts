// Callbacks with a position on what has none, and with nothing to transfer: the errors are the system's, as in Node.
import assert from 'node:assert/strict';
import nodeFs from 'node:fs';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import fs from 'linux-aio/fs';
import { openAs } from '../support/reuse.js';
import { opened, openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';

type Call = (fd: number, fsToUse: typeof nodeFs) => Promise<unknown>;

const buffer = () => Buffer.from('text');

const READS: Record<string, Call> = {
  read: (fd, { read }) => promisify(read)(fd, buffer(), 0, 4, 5),
  readv: (fd, { readv }) => promisify(readv)(fd, [buffer()], 5),
};

const WRITES: Record<string, Call> = {
  'write of bytes': (fd, { write }) => promisify(write)(fd, buffer(), 0, 4, 5),
  'write of text': (fd, { write }) => promisify(write as never as typeof fs.writev)(fd, 'text' as never, 5),
  writev: (fd, { writev }) => promisify(writev)(fd, [buffer()], 5),
  'writev of several': (fd, { writev }) => promisify(writev)(fd, [buffer(), buffer()], 5),
};

describe('a position on a pipe', () => {
  for (const [name, call] of Object.entries(READS)) {
    it(`is refused by ${name}, which takes nothing out`, async (t) => {
      const pipe = openPipe(t);
      nodeFs.writeSync(pipe.write, 'in the pipe');
      for (const each of [nodeFs, fs]) await assert.rejects(call(pipe.read, each), { code: 'ESPIPE' });
      assert.equal(nodeFs.readSync(pipe.read, Buffer.alloc(64)), 11);
    });
  }
  for (const [name, call] of Object.entries(WRITES)) {
    it(`is refused by ${name}, which puts nothing in`, async (t) => {
      const pipe = openPipe(t);
      for (const each of [nodeFs, fs]) await assert.rejects(call(pipe.write, each), { code: 'ESPIPE' });
      nodeFs.writeSync(pipe.write, 'x');
      assert.equal(nodeFs.readSync(pipe.read, Buffer.alloc(64)), 1);
    });
  }
});

describe('a number that meant a file before, and was closed behind the ring’s back', () => {
  it('is a pipe from then on', async (t) => {
    const pipe = openPipe(t);
    nodeFs.writeSync(pipe.write, 'in the pipe');
    for (const [name, call] of Object.entries(READS)) {
      const fd = nodeFs.openSync(temporaryFile(t, 'a file of text'), 'r');
      await call(fd, fs);
      nodeFs.closeSync(fd);
      openAs(fd, `/proc/self/fd/${pipe.read}`);
      await assert.rejects(call(fd, fs), { code: 'ESPIPE' }, name);
      nodeFs.closeSync(fd);
    }
    assert.equal(nodeFs.readSync(pipe.read, Buffer.alloc(64)), 11, 'nothing was taken out');
  });

  it('is a pipe to be written from then on', async (t) => {
    const pipe = openPipe(t);
    for (const [name, call] of Object.entries(WRITES)) {
      const path = temporaryFile(t);
      const fd = nodeFs.openSync(path, 'r+');
      await promisify(fs.close)(fd); // and with it what the ring knows of the number
      openAs(fd, path, 'r+');
      await call(fd, fs);
      nodeFs.closeSync(fd);
      openAs(fd, `/proc/self/fd/${pipe.write}`, 'w');
      await assert.rejects(call(fd, fs), { code: 'ESPIPE' }, name);
      nodeFs.closeSync(fd);
    }
    nodeFs.writeSync(pipe.write, 'x');
    assert.equal(nodeFs.readSync(pipe.read, Buffer.alloc(64)), 1, 'nothing was put in');
  });
});

describe('nothing but empty buffers', () => {
  it('are a system call all the same, and its error is seen', async (t) => {
    const fd = opened(t, temporaryDirectory(t));
    for (const { readv, writev } of [nodeFs, fs]) {
      await assert.rejects(promisify(readv)(fd, [Buffer.alloc(0)]), { code: 'EISDIR' });
      await assert.rejects(promisify(writev)(fd, [Buffer.alloc(0)]), { code: 'EBADF' });
    }
  });

  for (const encoding of ['hex', 'HEX', 'base64', 'base64url'] as const) {
    it(`are what text in ${encoding} may be, and a system call all the same`, async (t) => {
      const path = temporaryFile(t, 'as it was');
      const fd = opened(t, path);
      const options = { encoding: encoding as BufferEncoding, flag: 'r' };
      for (const { writeFile, appendFile } of [nodeFs, fs]) {
        for (const write of [writeFile, appendFile]) {
          await assert.rejects(promisify(write)(path, '«»', options), { code: 'EBADF', syscall: 'write' });
          await assert.rejects(promisify(write)(fd, '«»', options.encoding), {
            code: 'EBADF',
            syscall: 'write',
          });
        }
        await promisify(appendFile)(path, '«»', options.encoding);
      }
      assert.equal(nodeFs.readFileSync(path, 'utf8'), 'as it was');
    });
  }
});
