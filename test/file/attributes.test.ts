// stat, truncate, sync, chmod, chown and utimes compared with the running Node's own.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { open as nodeOpen } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { type File, open } from 'linux-aio';
import { openPipe, temporaryDirectory, temporaryFile } from '../support/temp.js';
import { nodeMajor, owned, sameAsNode } from './compare.js';

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are what these tests are about
const wrong = (value: unknown): any => value;
const mode = async (h: { stat(): Promise<fs.Stats> }) => (await h.stat()).mode;

sameAsNode('truncate', {
  'truncate()': (h) => h.truncate(),
  'truncate(undefined)': (h) => h.truncate(undefined),
  'truncate(5)': (h) => h.truncate(5),
  'truncate(5000)': (h) => h.truncate(5000),
  'truncate(-5): to nothing': (h) => h.truncate(-5),
  'truncate(-0)': (h) => h.truncate(-0),
  'truncate(null)': (h) => h.truncate(wrong(null)),
  'truncate("5")': (h) => h.truncate(wrong('5')),
  'truncate(5n)': (h) => h.truncate(wrong(5n)),
  'truncate(1.5)': (h) => h.truncate(1.5),
  'truncate(NaN)': (h) => h.truncate(Number.NaN),
  'truncate(Infinity)': (h) => h.truncate(Number.POSITIVE_INFINITY),
  'truncate(2 ** 53)': (h) => h.truncate(2 ** 53),
  'truncate(2 ** 53 - 1): more than ext4 has': async (h) => {
    await h.truncate(2 ** 53 - 1);
    await h.truncate(19);
  },
});

sameAsNode('sync, chmod, chown and utimes', {
  'sync()': (h) => h.sync(),
  'datasync()': (h) => h.datasync(),
  'chmod(0o640)': async (h) => [await h.chmod(0o640), await mode(h)],
  'chmod("600")': async (h) => [await h.chmod('600'), await mode(h)],
  'chmod("x")': (h) => h.chmod('x'),
  'chmod(-1)': (h) => h.chmod(-1),
  'chmod(null)': (h) => h.chmod(wrong(null)),
  'chmod()': (h) => h.chmod(wrong(undefined)),
  'chmod(2 ** 32)': (h) => h.chmod(2 ** 32),
  'chown(-1, -1)': (h) => h.chown(-1, -1),
  'chown("x", 0)': (h) => h.chown(wrong('x'), 0),
  'chown(0)': (h) => h.chown(0, wrong(undefined)),
  'chown(-2, 0)': (h) => h.chown(-2, 0),
  'chown(1.5, 0)': (h) => h.chown(1.5, 0),
  'utimes(1, 2)': async (h) => {
    await h.utimes(1, 2.5);
    const { atimeMs, mtimeMs } = await h.stat();
    return [atimeMs, mtimeMs];
  },
  'utimes(Date, string)': async (h) => {
    await h.utimes(new Date(5000), '17');
    const { atimeMs, mtimeMs } = await h.stat();
    return [atimeMs, mtimeMs];
  },
  'utimes("x", 2)': (h) => h.utimes('x', 2),
  'utimes({}, 2)': (h) => h.utimes(wrong({}), 2),
  'utimes(1)': (h) => h.utimes(1, wrong(undefined)),
});

sameAsNode('stat, wrong', {
  'stat(null)': (h) => h.stat(wrong(null)),
  'stat({ signal: 5 })': async (h) => typeof (await h.stat(wrong({ signal: 5 }))),
  'stat({ signal: aborted })': async (h) => typeof (await h.stat(wrong({ signal: AbortSignal.abort() }))),
  'stat(5)': async (h) => typeof (await h.stat(wrong(5))),
  'stat("x")': async (h) => typeof (await h.stat(wrong('x'))),
  'stat([])': async (h) => typeof (await h.stat(wrong([]))),
});

describe('stat', () => {
  const same = (actual: object, expected: object): void => {
    assert.deepStrictEqual(actual, expected);
    assert.deepStrictEqual(Reflect.ownKeys(actual), Reflect.ownKeys(expected));
    assert.equal(inspect(actual), inspect(expected));
    assert.equal(Object.getPrototypeOf(actual), Object.getPrototypeOf(expected));
    // The dates are computed on first use in some versions.
    for (const key of ['atime', 'mtime', 'ctime', 'birthtime']) {
      assert.deepStrictEqual(Reflect.get(actual, key), Reflect.get(expected, key));
    }
    assert.deepStrictEqual(actual, expected);
  };

  const both = async (file: File): Promise<void> => {
    same(await file.stat(), fs.fstatSync(file.fd));
    same(await file.stat({ bigint: false }), fs.fstatSync(file.fd));
    same(await file.stat({ bigint: true }), fs.fstatSync(file.fd, { bigint: true }));
  };

  it('of a file is what fs.fstatSync gives, field by field', async (t) => {
    const path = temporaryFile(t, 'x'.repeat(10_000));
    fs.chmodSync(path, 0o1741);
    fs.linkSync(path, `${path}.link`);
    const file = await open(path);
    for (let i = 0; i < 20; i++) {
      fs.utimesSync(path, i * 1e9 * Math.random(), -1e6 * Math.random());
      await both(file);
    }
    await file.close();
  });

  it('of a file with times before 1970, sparse and beyond 4 GiB', async (t) => {
    const path = temporaryFile(t);
    fs.truncateSync(path, 2 ** 33 + 5);
    fs.utimesSync(path, -1.25, -1e9 - 0.75);
    const file = await open(path);
    await both(file);
    await file.close();
  });

  it('of a directory, a device, a pipe and a socket', async (t) => {
    const directory = await open(temporaryDirectory(t));
    await both(directory);
    await directory.close();
    for (const path of ['/dev/null', '/dev/zero', '/proc/self/status', '/proc/self/ns/net']) {
      const file = await open(path);
      await both(file);
      await file.close();
    }
    const pipe = owned(t, openPipe(t), 'read');
    await both(pipe);
    await pipe.close();
  });

  it('with bigint takes only true for true, as Node does', async (t) => {
    const file = await open(temporaryFile(t));
    assert.equal(typeof (await file.stat({ bigint: 1 as never })).size, 'number');
    await file.close();
  });

  it('looks at its signal where Node does', {
    skip: nodeMajor < 26 && 'Node up to 24 does not',
  }, async (t) => {
    const file = await open(temporaryFile(t));
    await assert.rejects(file.stat({ signal: AbortSignal.abort() }), { name: 'AbortError' });
    const controller = new AbortController();
    const late = file.stat({ signal: controller.signal });
    await late;
    controller.abort();
    await file.close();
  });
});

describe('truncate', () => {
  it('of a pipe gives what Node gives', async (t) => {
    const pipe = openPipe(t);
    const handle = await nodeOpen('/dev/null', 'r+');
    const theirs = await handle.truncate(5).catch((error) => error);
    await handle.close();
    const file = owned(t, pipe, 'write');
    await assert.rejects(file.truncate(5), {
      code: 'EINVAL',
      errno: -22,
      syscall: 'ftruncate',
      message: theirs.message,
    });
    await file.close();
  });
});

describe('sync', () => {
  it('of what cannot be synced is EINVAL', async (t) => {
    const file = owned(t, openPipe(t), 'write');
    const expected = (syscall: string) => ({
      code: 'EINVAL',
      errno: -22,
      syscall,
      message: `EINVAL: invalid argument, ${syscall}`,
    });
    await assert.rejects(file.sync(), expected('fsync'));
    await assert.rejects(file.datasync(), expected('fdatasync'));
    await file.close();
  });
});
