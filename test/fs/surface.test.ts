// What the drop-ins export: every name of the running Node's modules, with functions that look like Node's.
import assert from 'node:assert/strict';
import nodeFs from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import * as ourFs from 'linux-aio/fs';
import * as ourPromises from 'linux-aio/fs/promises';

const require = createRequire(import.meta.url);

/** Exports that are the package's own way of saying what `require` gives. */
const EXTRA = ['default', 'module.exports'];

for (const [title, ours, node] of [
  ['linux-aio/fs/promises', ourPromises, nodeFs.promises],
  ['linux-aio/fs', ourFs, nodeFs],
] as const) {
  describe(title, () => {
    it('exports exactly the names of the running Node', () => {
      const names = Object.keys(ours).filter((name) => !EXTRA.includes(name));
      assert.deepEqual(names.sort(), Object.keys(node).sort());
      assert.deepEqual(Object.keys(ours.default).sort(), Object.keys(node).sort());
    });

    it('has functions with the names and lengths of Node', () => {
      for (const [name, value] of Object.entries(node)) {
        if (typeof value !== 'function') continue;
        const mine = (ours as unknown as Record<string, typeof value>)[name];
        assert.equal(mine.name, value.name, name);
        assert.equal(mine.length, value.length, name);
      }
    });

    it('gives the same through require', () => {
      const required = require(title) as Record<string, unknown>;
      assert.equal(required['readFile'], ours.readFile);
      assert.equal(required['constants'], nodeFs.constants);
    });
  });
}

it('has the promises of linux-aio/fs/promises as `promises`', () => {
  assert.equal(ourFs.promises.readFile, ourPromises.readFile);
});
