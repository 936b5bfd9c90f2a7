// fs.close is done inside the call where nothing has to wait. Requests made before it keep the file all the same, and what
// is opened next may have its number.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import nodeFs from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { defaultRing } from 'linux-aio';
import fs from 'linux-aio/fs';
import { runProgram } from '../support/program.js';
import { twoFiles } from '../support/reuse.js';
import { openPipes, temporaryFile } from '../support/temp.js';

/** More than is read inside the call. */
const BYTES = 100_000;

/** Reads that are under way: the file, and each of its requests. */
function reads(t: TestContext, count: number): { fd: number; other: string; all: Promise<Buffer>[] } {
  const [mine, other] = twoFiles(t);
  const fd = nodeFs.openSync(mine, 'r');
  const all = Array.from({ length: count }, async (_, i) => {
    const view = Buffer.alloc(BYTES);
    const { bytesRead } = await promisify(fs.read)(fd, view, 0, BYTES, i * BYTES);
    return view.subarray(0, bytesRead);
  });
  return { fd, other, all };
}

describe('reads of a file that is closed and whose number is another’s in the same turn', () => {
  for (const count of [1, 2, 8]) {
    it(`are reads of that file: ${count}`, async (t) => {
      await turn();
      const { fd, other, all } = reads(t, count);
      const closed = promisify(fs.close)(fd);
      const opened = promisify(fs.open)(other, 'r', 0);
      t.after(async () => nodeFs.closeSync(await opened));
      for (const each of await Promise.all(all)) assert.ok(each.equals(Buffer.alloc(BYTES, 'M')));
      await closed;
    });
  }
});

describe('a file that was only read', () => {
  for (const [name, requests] of [
    ['is closed inside the call', 0],
    ['and has no name any more is closed by a request: it may be large', 1],
  ] as const) {
    it(name, async (t) => {
      const path = temporaryFile(t, 'text');
      const fd = nodeFs.openSync(path, 'r');
      if (requests > 0) nodeFs.unlinkSync(path);
      await turn(); // with a fresh budget
      const before = defaultRing().stats.submitted;
      await promisify(fs.close)(fd);
      assert.equal(defaultRing().stats.submitted - before, requests);
      assert.throws(() => nodeFs.fstatSync(fd), { code: 'EBADF' });
    });
  }
});

it('a FileHandle whose number has been closed already says so, and nothing of the ring is closed instead', async () => {
  // In a process of its own: there the pool is not open yet, and its descriptors would get the number.
  const { stdout, stderr } = await runProgram(
    `const { open } = await import('linux-aio/fs/promises');
     const handle = await open('/dev/null', 'r+');
     fs.closeSync(handle.fd);
     console.log(await handle.close().catch(({ code, syscall }) => [code, syscall].join(' ')));`,
  );
  assert.deepEqual({ stdout, stderr }, { stdout: 'EBADF close\n', stderr: '' });
});

describe('what a callback closes is closed for everybody', () => {
  // A duplicate that the ring kept any longer would be another way to write to the file.
  it('a program that was written can be run', async (t) => {
    const path = temporaryFile(t);
    nodeFs.chmodSync(path, 0o755);
    const text = '#!/bin/sh\necho written\n';
    for (let round = 0; round < 20; round++) {
      const fd = nodeFs.openSync(path, 'r+');
      const output = await new Promise((resolve, reject) => {
        fs.write(fd, Buffer.from(text), 0, text.length, 0, (error) => {
          if (error) return reject(error);
          nodeFs.closeSync(fd);
          try {
            resolve(execFileSync(path, { encoding: 'utf8' }));
          } catch (failure) {
            reject(failure); // ETXTBSY
          }
        });
      });
      assert.equal(output, 'written\n');
    }
  });

  it('a pipe that was written to ends', async (t) => {
    const [pipe] = openPipes(t, 1);
    const end = nodeFs.openSync(`/proc/self/fd/${pipe.write}`, 'w');
    nodeFs.closeSync(pipe.write);
    const read = await new Promise((resolve, reject) => {
      fs.write(end, 'the last', null, 'utf8', (error) => {
        if (error) return reject(error);
        nodeFs.closeSync(end);
        // Without an end this would wait for ever, or answer EAGAIN where it does not wait.
        const bytes = Buffer.alloc(100);
        const counts = [nodeFs.readSync(pipe.read, bytes), nodeFs.readSync(pipe.read, bytes)];
        resolve(counts);
      });
    });
    assert.deepEqual(read, [8, 0]);
  });
});
