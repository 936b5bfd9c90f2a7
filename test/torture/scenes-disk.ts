// Scenes on a real disk: full, or slow.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import process from 'node:process';
import { addressOf } from '../support/internals.js';
import { alignedView } from '../support/temp.js';
import { AT_ONCE, BLOCK, check, code, filled, type Scene, together } from './scene.js';

export const diskScenes = {
  /** A real file system without a block left, or a quota. What was written is there; with room again it goes on. */
  async full({ own, door, path }: Scene) {
    const isFull = code(own.detail!);
    const name = path(`filler-${process.pid}`);
    const piece = 64 * 1024;
    const file = await door(name, 'w+');
    const whole: number[] = [];
    let refused = 0;
    for (let round = 0; refused === 0; round++) {
      assert.ok(round < 2000, 'the file system is never full');
      const from = round * AT_ONCE;
      const results = await together((i) => file.write(filled((from + i) % 251, piece), (from + i) * piece));
      for (const [i, n] of results.entries()) {
        if (n === piece) whole.push(from + i);
        else if (n < 0) refused++;
        check(Math.min(n, 0), [0, isFull], `write ${from + i}`); // or short
      }
    }
    const buffer = new Uint8Array(piece);
    for (const i of whole.slice(-64)) {
      check(await file.read(buffer, i * piece), [piece], `read ${i}`);
      assert.ok(
        buffer.every((byte) => byte === i % 251),
        `block ${i} is not what was written`,
      );
    }
    await file.close();
    fs.rmSync(name); // not truncated first: even that needs space, under a quota
    const again = await door(`${name}-again`, 'w+');
    check(await again.write(filled(7), 0), [BLOCK], 'a write when there is room again');
    check(await again.sync(), [0, isFull], 'a sync');
    await again.close();
    fs.rmSync(`${name}-again`);
  },

  /** A device that is allowed so many bytes a second: what is asked of it takes its time, the rest goes on. */
  async throttled({ own, door, path, healthy }: Scene) {
    const piece = 64 * 1024;
    const { O_RDWR, O_CREAT, O_DIRECT } = fs.constants;
    const name = path(`throttled-${process.pid}`);
    const file = await door(name, own.detail === 'direct' ? O_RDWR | O_CREAT | O_DIRECT : 'w+');
    const memory = Array.from({ length: AT_ONCE }, () => alignedView(piece, addressOf));
    let pending = 0;
    const slowly = async (what: Promise<number>): Promise<number> => {
      pending++;
      return await what.finally(() => pending--);
    };
    /** Whether they have not ended when others have gone on. */
    const areSlow = async (what: Promise<number[]>, expected: number, name: string): Promise<boolean> => {
      await healthy.goesOn(2);
      const areSlow = pending > 0;
      for (const n of await what) check(n, [expected], `one of ${name}`);
      return areSlow;
    };
    const write = () => together((i) => slowly(file.write(memory[i].fill(i + 1), i * piece)));
    const sync = () => Promise.all([slowly(file.sync())]);
    const read = () => together((i) => slowly(file.read(memory[i].fill(0), i * piece)));
    if (own.detail === 'direct') {
      assert.ok(await areSlow(write(), piece, 'writes'), 'writes were not slowed down');
      for (const n of await sync()) check(n, [0], 'a sync');
      assert.ok(await areSlow(read(), piece, 'reads'), 'reads were not slowed down');
    } else {
      // Where the kernel has written back by itself, which no limit of this process slows down, nothing is left to sync.
      for (let attempt = 1; ; attempt++) {
        for (const n of await write()) check(n, [piece], 'a write to the cache');
        if (await areSlow(sync(), 0, 'syncs')) break;
        assert.ok(attempt < 5, 'syncs were not slowed down');
      }
      for (const n of await read()) check(n, [piece], 'a read');
    }
    for (const [i, view] of memory.entries()) {
      assert.ok(
        view.every((byte) => byte === i + 1),
        'another block’s data',
      );
    }
    const cancelled = memory.map((view, i) => file.cancellableRead(view, i * piece));
    for (const read of cancelled) read.cancel();
    await healthy.goesOn(5);
    for (const { result } of cancelled)
      check(await result, [piece, code('ECANCELED'), code('EINTR')], 'a cancelled read');
    await file.close();
    fs.rmSync(name);
  },
};
