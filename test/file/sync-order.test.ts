// A sync covers the writes called before it, also where one of them takes several requests. On an engine that the test
// controls, because a disk rarely writes short.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { File } from 'linux-aio';
import { ioUring } from '../support/internals.js';
import { temporaryFile } from '../support/temp.js';
import { fakeRing } from '../torture/fake-engine.js';

const { OP } = ioUring;

/** A file, and what was asked of the engine so far: `write 0+8`, `fsync`. */
function openFake(t: TestContext, flags: string) {
  const { ring, engine } = fakeRing({ sqEntries: 64 });
  const file = File.fromFd(fs.openSync(temporaryFile(t, 'x'), flags), { ring });
  const fd = file.fd;
  t.after(async () => {
    const closed = file.close();
    while (ring.inFlight > 0) await complete(0);
    await closed;
    fs.closeSync(fd);
    await ring.close();
  });
  const log: string[] = [];
  /** Completes the oldest request with `result`. */
  async function complete(result: number): Promise<void> {
    const [entry] = engine.taken;
    if (entry) {
      const name = entry.op === OP.FSYNC ? 'fsync' : `write ${entry.offset}+${entry.length}`;
      log.push(`${name} = ${result}`);
      engine.complete(entry, result);
    }
    if (engine.hasNews) engine.wake();
    await nextTurn();
  }
  return { file, engine, log, complete };
}

describe('a sync that was called after a write', () => {
  for (const [name, write] of [
    ['write', (file: File) => file.write(Buffer.alloc(8), { position: 0 })],
    ['write of a string', (file: File) => file.write('12345678', 0)],
    ['writev', (file: File) => file.writev([Buffer.alloc(4), Buffer.alloc(4)], 0)],
    ['writeMany', (file: File) => file.writeMany([{ buffer: Buffer.alloc(8), position: 0 }])],
  ] as const) {
    it(`is made again when the ${name} was short and went on behind it`, async (t) => {
      const { file, engine, complete } = openFake(t, 'r+');
      let synced = false;
      const written = write(file);
      const sync = file.datasync().then(() => {
        synced = true;
      });
      await nextTurn();
      await complete(3); // short: the rest is under way, next to whatever sync there is
      for (let i = 0; i < 4 && !synced; i++) {
        // The device takes its time with the rest, and none with syncs.
        const fsync = engine.taken.find((entry) => entry.op === OP.FSYNC);
        if (!fsync) break;
        engine.complete(fsync, 0);
        engine.wake();
        await nextTurn();
      }
      assert.equal(synced, false, 'durable, it says, and five bytes have not been written');
      await complete(5);
      await written;
      assert.equal(synced, false, 'the last five bytes have not been synced');
      await complete(0);
      await sync;
    });
  }

  it('waits for all of a file opened to read and append, whose writes go one by one', async (t) => {
    const { file, log, complete } = openFake(t, 'a+');
    const writes = [file.write(Buffer.alloc(8)), file.write(Buffer.alloc(8))];
    const sync = file.sync();
    for (let i = 0; i < 4; i++)
      await complete(log.filter((line) => line.startsWith('write')).length < 2 ? 8 : 0);
    await Promise.all([...writes, sync]);
    assert.deepEqual(
      log.map((line) => line.split(' ')[0]),
      ['write', 'write', 'fsync'],
    );
  });

  it('waits for all pieces of writeFile', async (t) => {
    const { file, log, complete } = openFake(t, 'r+');
    const piece = 512 * 1024;
    let synced = false;
    const written = file.writeFile(Buffer.alloc(2 * piece));
    const sync = file.sync().then(() => {
      synced = true;
    });
    for (let i = 0; i < 10 && !synced; i++) await complete(i < 2 ? piece : 0);
    await Promise.all([written, sync]);
    assert.deepEqual(
      log.slice(0, 3).map((line) => line.split(' ')[0]),
      ['write', 'write', 'fsync'],
    );
  });

  it('is one request where nothing is short', async (t) => {
    const { file, log, complete } = openFake(t, 'r+');
    const written = file.write(Buffer.alloc(8), { position: 0 });
    const sync = file.sync();
    await nextTurn();
    await complete(8);
    await complete(0);
    await Promise.all([written, sync]);
    assert.deepEqual(log, ['write 0+8 = 8', 'fsync = 0']);
  });
});
