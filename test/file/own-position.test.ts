// The own position of files whose transfers may complete after their call has returned, though they were not opened with
// O_DIRECT: on FUSE without its page cache. io_uring does not move it there.
import assert from 'node:assert/strict';
import nodeFs from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { File, open, type Ring } from 'linux-aio';
import fs from 'linux-aio/fs';
import { openRing, result } from '../support/ring.js';
import { opened, temporaryDirectory } from '../support/temp.js';
import { FaultFs, noFaultfs } from '../torture/faultfs.js';

const CONTENT = 'a file of some words, to be read in pieces';
const PIECE = 4;
/** So many that some wait in the kernel for others. */
const AT_ONCE = 24;

const pieces = Array.from({ length: Math.ceil(CONTENT.length / PIECE) }, (_, i) =>
  CONTENT.slice(i * PIECE, (i + 1) * PIECE),
);

/** What so many reads find, one after the other. */
async function piecesBy(read: (view: Buffer) => Promise<number>): Promise<string[]> {
  const found: string[] = [];
  for (const _ of pieces) {
    const view = Buffer.alloc(PIECE);
    found.push(view.toString('latin1', 0, await read(view)));
  }
  return found;
}

describe('at the own position of a file on FUSE', { skip: noFaultfs() }, () => {
  let mounted: FaultFs;
  let path: string;
  before(async () => {
    mounted = await FaultFs.mount(nodeFs.mkdtempSync('/tmp/linux-aio-'));
    path = join(mounted.path, 'plain');
  });
  after(() => mounted.unmount());
  const written = () => nodeFs.writeFileSync(join(mounted.backing, 'plain'), CONTENT);

  for (const routing of [true, false]) {
    const ringOf = (t: Parameters<typeof openRing>[0]): Ring => openRing(t, { routing });
    describe(`with${routing ? '' : 'out'} routing`, () => {
      it('File reads on, in pieces, vectors and whole, many files at once', async (t) => {
        written();
        const ring = ringOf(t);
        const all = Array.from({ length: AT_ONCE }, async (_, i) => {
          const file = await open(path, 'r', null, { ring });
          try {
            if (i % 3 === 0) return [await file.readFile('latin1')];
            if (i % 3 === 1) return await piecesBy(async (view) => (await file.read(view)).bytesRead);
            return await piecesBy(async (view) => (await file.readv([view])).bytesRead);
          } finally {
            await file.close();
          }
        });
        for (const found of await Promise.all(all)) assert.equal(found.join(''), CONTENT);
      });

      it('File writes on', async (t) => {
        written();
        const ring = ringOf(t);
        const file = await open(path, 'r+', null, { ring });
        for (const text of ['one ', 'two ']) await file.write(Buffer.from(text));
        await file.writev([Buffer.from('three'), Buffer.from('!')]);
        await file.close();
        assert.equal(nodeFs.readFileSync(path, 'latin1'), `one two three!${CONTENT.slice(14)}`);
      });

      it('a ring reads on, where it has a pool', {
        skip: !routing && 'io_uring alone does not',
      }, async (t) => {
        written();
        const ring = ringOf(t);
        const fd = opened(t, path);
        const views = pieces.map(() => Buffer.alloc(PIECE));
        const counts = await Promise.all(
          views.map((view) => result((done) => ring.read(fd, view, -1, done))),
        );
        assert.deepEqual(
          views.map((view, i) => view.toString('latin1', 0, counts[i])),
          pieces,
        );
      });
    });
  }

  it('callbacks and FileHandles read on', async (t) => {
    written();
    const read = promisify(fs.read) as unknown as (...args: unknown[]) => Promise<{ bytesRead: number }>;
    const fd = opened(t, path);
    assert.deepEqual(
      await piecesBy(async (view) => (await read(fd, view, 0, PIECE, null)).bytesRead),
      pieces,
    );
    const handle = await fs.promises.open(path);
    t.after(() => handle.close());
    assert.deepEqual(
      await piecesBy(async (view) => (await handle.read(view, 0, PIECE, null)).bytesRead),
      pieces,
    );
  });

  it('a number that meant a file on a disk before is asked about anew', async (t) => {
    written();
    const onDisk = join(temporaryDirectory(t), 'file');
    nodeFs.writeFileSync(onDisk, CONTENT);
    const ring = openRing(t);
    for (let i = 0; i < 4; i++) {
      const fd = nodeFs.openSync(onDisk, 'r');
      await result((done) => ring.read(fd, Buffer.alloc(PIECE), -1, done));
      nodeFs.closeSync(fd);
      assert.equal(nodeFs.openSync(path, 'r'), fd, 'the number was not used again');
      const file = File.fromFd(fd, { ring });
      assert.deepEqual(await piecesBy(async (view) => (await file.read(view)).bytesRead), pieces);
      await file.close();
    }
  });
});
