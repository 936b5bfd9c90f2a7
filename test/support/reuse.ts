// For tests that close a descriptor and use its number again.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from './temp.js';

/** Opens `path` under the number `fd`, which has just been closed: the kernel gives the lowest free number. */
export function openAs(fd: number, path: string, flags = 'r'): void {
  const others: number[] = [];
  for (;;) {
    const got = fs.openSync(path, flags);
    if (got === fd) break;
    others.push(got);
    assert.ok(got < fd, `the number ${fd} is in use`);
  }
  for (const other of others) fs.closeSync(other);
}

/** Two files of 2 MiB, one of nothing but M (mine), the other of O. */
export function twoFiles(t: TestContext): [string, string] {
  const dir = temporaryDirectory(t);
  const paths: [string, string] = [join(dir, 'mine'), join(dir, 'other')];
  fs.writeFileSync(paths[0], Buffer.alloc(2 << 20, 'M'));
  fs.writeFileSync(paths[1], Buffer.alloc(2 << 20, 'O'));
  return paths;
}
