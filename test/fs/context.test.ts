// AsyncLocalStorage: each callback and each continuation sees the store of the code that made the call, though the
// results of many come out of the ring together.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import nodeFs from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fs from 'linux-aio/fs';
import promises from 'linux-aio/fs/promises';
import { opened, temporaryDirectory } from '../support/temp.js';

const storage = new AsyncLocalStorage<string>();

/** The arguments of each function before its callback. */
function argumentsOf(path: string, fd: number): Record<string, unknown[]> {
  const buffer = Buffer.alloc(4);
  return {
    access: [path],
    appendFile: [path, ''],
    chmod: [path, 0o644],
    close: [-1],
    copyFile: [path, `${path}-copy`],
    exists: [path],
    fdatasync: [fd],
    fstat: [fd],
    fsync: [fd],
    ftruncate: [fd, 10],
    futimes: [fd, 1, 2],
    link: [path, path],
    lstat: [path],
    mkdir: [path],
    open: [`${path}/none`],
    read: [fd, buffer, 0, 4, 0],
    readFile: [path],
    readdir: [path],
    readlink: [path],
    readv: [fd, [buffer], 0],
    realpath: [path],
    rename: [path, path],
    rm: [`${path}/none`, { force: true }],
    rmdir: [path],
    stat: [path],
    symlink: [path, path],
    truncate: [path, 10],
    unlink: [`${path}/none`],
    utimes: [path, 1, 2],
    write: [fd, buffer, 0, 4, 0],
    writeFile: [`${path}-new`, 'text'],
    writev: [fd, [buffer], 0],
  };
}

type Call = (...args: unknown[]) => Promise<unknown>;

describe('AsyncLocalStorage', () => {
  it('is kept in every callback', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    nodeFs.writeFileSync(path, 'some text');
    const fd = opened(t, path, 'r+');
    const calls = Object.entries(argumentsOf(path, fd)).filter(([name]) => name !== 'close');
    const seen = await Promise.all(
      calls.map(
        ([name, args]) =>
          new Promise((resolve) => {
            storage.run(name, () =>
              (fs as unknown as Record<string, Call>)[name](...args, () => resolve(storage.getStore())),
            );
          }),
      ),
    );
    assert.deepEqual(
      seen,
      calls.map(([name]) => name),
    );
  });

  it('is kept behind every promise', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    nodeFs.writeFileSync(path, 'some text');
    const calls = Object.entries(argumentsOf(path, 0)).filter(([name]) => name in promises);
    const seen = await Promise.all(
      calls.map(([name, args]) =>
        storage.run(name, async () => {
          await (promises as unknown as Record<string, Call>)[name](...args).catch(() => {});
          return storage.getStore();
        }),
      ),
    );
    assert.deepEqual(
      seen,
      calls.map(([name]) => name),
    );
  });

  it('is kept by the methods of a FileHandle, and in what its close waits for', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    nodeFs.writeFileSync(path, 'some text');
    const handle = await promises.open(path, 'r+');
    t.after(() => handle.close());
    const methods = ['stat', 'sync', 'datasync', 'read', 'readFile', 'truncate'] as const;
    const seen = await Promise.all(
      methods.map((name) =>
        storage.run(name, async () => {
          await (handle[name] as () => Promise<unknown>)();
          return storage.getStore();
        }),
      ),
    );
    assert.deepEqual(seen, [...methods]);
  });

  it('is that of each of many calls made in one turn, in calls made from callbacks, too', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    nodeFs.writeFileSync(path, 'some text');
    const seen = await Promise.all(
      Array.from(
        { length: 300 },
        (_, i) =>
          new Promise((resolve) => {
            storage.run(`${i}`, () =>
              fs.stat(path, () =>
                fs.readFile(path, () =>
                  fs.open(path, (_: unknown, fd: number) => fs.close(fd, () => resolve(storage.getStore()))),
                ),
              ),
            );
          }),
      ),
    );
    assert.deepEqual(
      seen,
      seen.map((_, i) => `${i}`),
    );
  });

  it('is kept in the events of streams', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    const stores: unknown[] = [];
    const note = () => stores.push(storage.getStore());
    await new Promise((resolve) => {
      storage.run('writer', () => {
        fs.createWriteStream(path)
          .on('open', note)
          .on('finish', note)
          .on('close', note)
          .on('close', resolve)
          .end('text');
      });
    });
    await new Promise((resolve) => {
      storage.run('reader', () => {
        fs.createReadStream(path)
          .on('open', note)
          .on('data', note)
          .on('end', note)
          .on('close', note)
          .on('close', resolve);
      });
    });
    assert.deepEqual(stores, ['writer', 'writer', 'writer', 'reader', 'reader', 'reader', 'reader']);
  });
});
