// Reads that wait for data, and opens that wait for the other end, stop four threads of Node's pool and with them every
// fs, dns.lookup and crypto call of the process. Under register they stop nothing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runNode } from '../support/program.js';
import { temporaryDirectory } from '../support/temp.js';

/**
 * Blocks in `count` ways at once, does everything else that there is, and only then gives the blocked ones what they
 * wait for. `folder` and `fifos` are defined, `blocked` is what WAYS makes.
 */
const PROGRAM = `
import fs from 'node:fs';
import { promises } from 'node:fs';
import dns from 'node:dns';
import crypto from 'node:crypto';
import zlib from 'node:zlib';
import { promisify } from 'node:util';
import { setImmediate as turn } from 'node:timers/promises';
const [, folder, way, count] = process.argv;
const fifos = Array.from({ length: Number(count) }, (_, i) => folder + '/fifo' + i);
const ways = {
  async handles() {
    const handles = await Promise.all(fifos.map((path) => promises.open(path, 'r+')));
    const reads = handles.map(async (handle) => {
      const { bytesRead } = await handle.read(Buffer.alloc(10));
      await handle.close();
      return bytesRead;
    });
    return { reads, release: () => fifos.forEach((path) => fs.writeFileSync(path, 'x', { flag: 'r+' })) };
  },
  descriptors() {
    const fds = fifos.map((path) => fs.openSync(path, 'r+'));
    const reads = fds.map((fd) => new Promise((resolve, reject) => {
      fs.read(fd, Buffer.alloc(10), 0, 10, null, (error, bytes) => error ? reject(error) : resolve(bytes));
    }));
    return { reads, release: () => fds.forEach((fd) => fs.writeSync(fd, 'x')) };
  },
  streams() {
    const fds = fifos.map((path) => fs.openSync(path, 'r+'));
    const reads = fds.map((fd) => new Promise((resolve, reject) => {
      fs.createReadStream(null, { fd, autoClose: false }).once('data', (chunk) => resolve(chunk.length)).once('error', reject).once('data', function () { this.destroy(); });
    }));
    return { reads, release: () => fds.forEach((fd) => fs.writeSync(fd, 'x')) };
  },
  /** Here it is the open that waits. */
  paths() {
    const reads = fifos.map((path, i) => i % 2
      ? promises.readFile(path).then((content) => content.length)
      : new Promise((resolve, reject) => fs.readFile(path, (error, content) => error ? reject(error) : resolve(content.length))));
    return { reads, release: () => fifos.forEach((path) => fs.writeFileSync(path, 'x')) };
  },
};
const { reads, release } = await ways[way]();
const all = Promise.all(reads);
await turn();
const file = folder + '/file';
await promises.writeFile(file, 'text');
const done = [
  await promises.readFile(file, 'utf8'),
  await promisify(fs.readFile)(file, 'utf8'),
  (await promises.stat(file)).size,
  (await promises.readdir(folder)).length > 0,
  await promises.realpath(file) === file,
  (await promisify(dns.lookup)('localhost')).address !== undefined,
  (await promisify(crypto.pbkdf2)('password', 'salt', 10, 16, 'sha256')).length,
  (await promisify(zlib.gzip)('text')).length > 0,
];
release();
const bytes = await all;
console.log(JSON.stringify([done, bytes.every((each) => each === 1), bytes.length]));
`;

async function blockedBy(directory: string, way: string, count: number): Promise<void> {
  const fifos = Array.from({ length: count }, (_, i) => join(directory, `fifo${i}`));
  execFileSync('mkfifo', fifos);
  const { code, signal, stdout, stderr } = await runNode(
    ['--input-type=module', '-e', PROGRAM, directory, way, String(count)],
    { flags: ['--import', 'linux-aio/register'], timeoutMs: 30_000 },
  );
  assert.equal(signal ?? code, 0, `${stdout}${stderr}`);
  const expected = [['text', 'text', 4, true, true, true, 16, true], true, count];
  assert.deepEqual(JSON.parse(stdout), expected);
}

describe('reads blocked on FIFOs do not stop fs, dns.lookup, crypto and zlib', () => {
  for (const count of [4, 1000]) {
    for (const way of ['handles', 'descriptors', 'streams']) {
      it(`${count} of ${way}`, (t) => blockedBy(temporaryDirectory(t), way, count));
    }
  }
  it('4 of paths', (t) => blockedBy(temporaryDirectory(t), 'paths', 4));
  it('100 of paths', (t) => blockedBy(temporaryDirectory(t), 'paths', 100));
});
