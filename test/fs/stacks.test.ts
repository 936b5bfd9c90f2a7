// The stack of a rejection leads to the line that made the call.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import promises from 'linux-aio/fs/promises';
import { temporaryDirectory } from '../support/temp.js';

type Call = (...args: unknown[]) => Promise<unknown>;

/** Calls that fail in the kernel. */
const CALLS: Readonly<Record<string, (path: string) => unknown[]>> = {
  access: (path) => [path],
  appendFile: (path) => [path, 'text'],
  copyFile: (path) => [path, `${path}-copy`],
  link: (path) => [path, `${path}-new`],
  lstat: (path) => [path],
  mkdir: (path) => [path],
  open: (path) => [path, 'r'],
  readFile: (path) => [path],
  rename: (path) => [path, `${path}-new`],
  rmdir: (path) => [path],
  stat: (path) => [path],
  symlink: (path) => ['target', path],
  truncate: (path) => [path],
  unlink: (path) => [path],
  writeFile: (path) => [path, 'text'],
};

async function theCaller(call: () => Promise<unknown>): Promise<unknown> {
  return await call();
}

describe('the stack of a rejection', () => {
  for (const [name, args] of Object.entries(CALLS)) {
    it(`leads to the caller of ${name}`, async (t) => {
      const path = join(temporaryDirectory(t), 'missing/file');
      const error: Error = await theCaller(() =>
        (promises as unknown as Record<string, Call>)[name](...args(path)),
      ).then(
        () => assert.fail('it has not failed'),
        (reason) => reason,
      );
      const [first, ...frames] = error.stack!.split('\n');
      assert.equal(first, String(error));
      assert.ok(
        frames.some((frame) => frame.includes('theCaller') && frame.includes('stacks.test.')),
        `${error.stack}`,
      );
    });
  }

  it('leads to the caller of a FileHandle', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    const handle = await promises.open(path, 'w');
    t.after(() => handle.close());
    for (const call of [
      () => handle.read(Buffer.alloc(1)),
      () => handle.readv([Buffer.alloc(1)]),
      () => handle.readFile(),
    ]) {
      const error: Error = await theCaller(call).then(
        () => assert.fail('it has not failed'),
        (reason) => reason,
      );
      assert.ok(error.stack!.includes('theCaller'), `${error.stack}`);
    }
  });
});
