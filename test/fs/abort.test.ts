// A signal that is aborted in the first tick after the call: nothing of Node's is over by then, whatever is in memory.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import promises from 'linux-aio/fs/promises';
import { temporaryDirectory } from '../support/temp.js';

function inTheFirstTick(): AbortSignal {
  const controller = new AbortController();
  process.nextTick(() => controller.abort());
  return controller.signal;
}

function file(t: TestContext): string {
  const path = join(temporaryDirectory(t), 'file');
  fs.writeFileSync(path, 'text');
  return path;
}

describe('a signal aborted in the first tick', () => {
  it('ends readFile of a path', async (t) => {
    await assert.rejects(promises.readFile(file(t), { signal: inTheFirstTick() }), { name: 'AbortError' });
  });

  it('ends readFile of a handle', async (t) => {
    const handle = await promises.open(file(t));
    t.after(() => handle.close());
    await assert.rejects(handle.readFile({ signal: inTheFirstTick() }), { name: 'AbortError' });
  });

  it('ends writeFile of a path, which has been emptied by then', async (t) => {
    const path = file(t);
    await assert.rejects(promises.writeFile(path, 'other', { signal: inTheFirstTick() }), {
      name: 'AbortError',
    });
    assert.equal(fs.readFileSync(path, 'utf8'), '');
  });
});
