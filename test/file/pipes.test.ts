// Pipes have no positions, whatever the engine makes of one.
import assert from 'node:assert/strict';
import { type FileHandle, open as nodeOpen } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { open as ourOpen } from 'linux-aio';
import { open as dropInOpen } from 'linux-aio/fs/promises';
import { openPipe } from '../support/temp.js';
import { type Call, type Outcome, outcome } from './compare.js';

const CALLS: Readonly<Record<string, Call>> = {
  'read(buffer, 0, 4, 5)': (handle) => handle.read(Buffer.alloc(4), 0, 4, 5),
  'read({ position: 0 })': (handle) => handle.read({ buffer: Buffer.alloc(4), position: 0 }),
  'readv(buffers, 5)': (handle) => handle.readv([Buffer.alloc(4)], 5),
  'write(buffer, 0, 4, 5)': (handle) => handle.write(Buffer.from('data'), 0, 4, 5),
  'write(text, 5)': (handle) => handle.write('data', 5),
  'writev(buffers, 5)': (handle) => handle.writev([Buffer.from('data')], 5),
  'write(buffer)': (handle) => handle.write(Buffer.from('data')),
};

describe('a position on a pipe is ESPIPE, as in Node, and nothing is transferred', () => {
  for (const [name, call] of Object.entries(CALLS)) {
    it(name, async (t) => {
      const path = `/proc/self/fd/${openPipe(t).read}`;
      const opened = [];
      for (const open of [nodeOpen, dropInOpen, ourOpen]) opened.push(await open(path, 'r+'));
      const found = [];
      for (const handle of opened as FileHandle[]) {
        await handle.write('something');
        found.push([await outcome(() => call(handle)), (await handle.read(Buffer.alloc(100))).bytesRead]);
      }
      for (const handle of opened) await handle.close();
      assert.deepStrictEqual(found, [found[0], found[0], found[0]]);
      assert.equal((found[0][0] as Outcome).error?.['code'], name === 'write(buffer)' ? undefined : 'ESPIPE');
    });
  }
});
