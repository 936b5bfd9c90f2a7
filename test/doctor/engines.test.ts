// How doctor() finds out what works: by opening rings, here on a stand-in that refuses as told.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OpenRing } from '#dist/doctor/engines.js';
import { tryEngines } from '#dist/doctor/engines.js';

/** Opens only `working`; 'auto' takes the first of them. Counts what is open. */
function openerFor(working: readonly string[]): { open: OpenRing; opened: () => number } {
  let opened = 0;
  const open: OpenRing = ({ engine }) => {
    const name = engine === 'auto' ? working[0] : engine;
    if (name === undefined || !working.includes(name)) {
      throw Object.assign(new Error(`EPERM: ${engine} is not allowed`), { code: 'EPERM', errno: -1 });
    }
    opened++;
    return {
      engine: name,
      operations: ['nop'],
      close: async () => {
        opened--;
      },
    };
  };
  return { open, opened: () => opened };
}

describe('tryEngines', () => {
  it('reports code and reason where an engine is refused', async () => {
    const { engines } = await tryEngines(null, openerFor(['threads']).open);
    assert.deepEqual(engines.io_uring, {
      available: false,
      reason: 'EPERM: io_uring is not allowed',
      code: 'EPERM',
      operations: [],
    });
    assert.deepEqual(engines.threads, { available: true, operations: ['nop'] });
  });

  it("chooses what 'auto' chooses", async () => {
    assert.equal((await tryEngines(null, openerFor(['threads', 'native']).open)).chosen, 'threads');
  });

  it('names io_uring, not available, where nothing works', async () => {
    const { engines, chosen } = await tryEngines(null, openerFor([]).open);
    assert.equal(chosen, 'io_uring');
    assert.equal(engines[chosen].available, false);
  });

  it('names the engine that LINUX_AIO_ENGINE wants though it does not work', async () => {
    const { engines, chosen } = await tryEngines('native', (options) => {
      if (options.engine === 'auto') throw new Error('native is not available');
      return openerFor(['threads']).open(options);
    });
    assert.equal(chosen, 'native');
    assert.equal(engines[chosen].available, false);
  });

  it('leaves no ring open', async () => {
    const { open, opened } = openerFor(['io_uring', 'threads']);
    await tryEngines(null, open);
    assert.equal(opened(), 0);
  });
});
