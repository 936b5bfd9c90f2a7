// Guards src/fs/sharing.ts: how many files are read at once where a program asks for all of them.
import assert from 'node:assert/strict';
import nodeFs from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { defaultRing } from 'linux-aio';
import { promises } from 'linux-aio/fs';
import { IN_POOL_MAX, Sharing } from '#dist/fs/sharing.js';
import { coreOf, routing } from '../support/internals.js';
import { packageRoot, runProgram } from '../support/program.js';
import { opened, temporaryDirectory } from '../support/temp.js';

const never = (error: unknown): never => assert.fail(`${error}`);

describe('sharing of files with the workers', () => {
  it('lets so many in, then the next for each that ends, in the order of the calls', () => {
    const sharing = new Sharing();
    const begun: number[] = [];
    const expected = Array.from({ length: IN_POOL_MAX + 3 }, (_, i) => i);
    for (const i of expected) sharing.start(() => begun.push(i), never);
    assert.equal(begun.length, IN_POOL_MAX);
    for (let i = 1; i <= 3; i++) {
      sharing.ended();
      assert.deepEqual(begun, expected.slice(0, IN_POOL_MAX + i));
    }
    for (let i = 0; i < IN_POOL_MAX; i++) sharing.ended();
    assert.equal(sharing.inPool, 0);
    sharing.start(() => begun.push(-1), never);
    assert.equal(begun.at(-1), -1);
  });

  it('lets more in where none of them ends', async () => {
    const sharing = new Sharing();
    await new Promise<void>((resolve) => {
      for (let i = 0; i < 2 * IN_POOL_MAX; i++)
        sharing.start(i === 2 * IN_POOL_MAX - 1 ? resolve : () => {}, never);
      setTimeout(() => {}, 1000); // keeps the process alive, as the requests would
    });
  });

  it('gives the place of what cannot begin to the next', () => {
    const sharing = new Sharing();
    const errors: unknown[] = [];
    let begun = 0;
    const thrown = new Error('the ring is closed');
    const throws = () => {
      throw thrown;
    };
    for (let i = 0; i < IN_POOL_MAX; i++) sharing.start(() => begun++, never);
    for (let i = 0; i < 3; i++) sharing.start(throws, (error) => errors.push(error));
    sharing.start(() => begun++, never);
    sharing.ended();
    assert.deepEqual(errors, [thrown, thrown, thrown]);
    assert.equal(begun, IN_POOL_MAX + 1);
    assert.equal(sharing.inPool, IN_POOL_MAX);
  });

  it('holds 5,000 small files at once in little more memory than they have bytes', async (t) => {
    const directory = temporaryDirectory(t);
    const paths = Array.from({ length: 50 }, (_, i) => join(directory, `${i}`));
    for (const path of paths) nodeFs.writeFileSync(path, path.padEnd(1000));
    const before = process.memoryUsage().arrayBuffers;
    const reads = Array.from({ length: 5000 }, (_, i) => promises.readFile(paths[i % 50], 'latin1'));
    const grown = process.memoryUsage().arrayBuffers - before;
    const texts = await Promise.all(reads);
    for (const [i, text] of texts.entries()) assert.equal(text, paths[i % 50].padEnd(1000));
    assert.ok(grown < 64 * 1024 * (IN_POOL_MAX + 16), `${grown} bytes while they are under way`);
  });

  it('has no pool for a file that this thread reads', async (t) => {
    const fd = opened(t, join(packageRoot, 'package.json'));
    if (coreOf(defaultRing()).router.kinds.of(fd) !== routing.KIND.FILE)
      return t.skip('the package is on a file system that does not tell what is in memory');
    const { stdout, stderr } = await runProgram(`
      import aioFs from 'linux-aio/fs';
      const descriptors = () => fs.readdirSync('/proc/self/fd').length;
      defaultRing();
      fs.readFileSync('package.json'); // into the page cache
      const before = descriptors();
      await aioFs.promises.readFile('package.json');
      console.log(descriptors() - before);`);
    assert.deepEqual([stdout, stderr], ['0\n', '']);
  });
});
