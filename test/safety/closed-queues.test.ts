// The queues of a ring that has been closed, seen through typed arrays that are left: neither the kernel's nor anybody
// else's memory, although nothing has been detached. Whoever can write a submission entry can read and write any address
// of the process. Guards native/mapping.c.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { Ring } from 'linux-aio';
import { engineUnderTest, onlyOn } from '../support/engines.js';
import { addressOf, coreOf } from '../support/internals.js';
import { runProgram } from '../support/program.js';
import { nextTurn, result } from '../support/ring.js';
import { temporaryDirectory } from '../support/temp.js';
import { startWorker } from '../support/worker.js';

/**
 * For many rings, or large ones. The memory of the native engine is the pool's, and how many requests its rings reserve is
 * limited for the whole system (fs.aio-max-nr).
 */
const engine = engineUnderTest() === 'native' ? 'threads' : engineUnderTest();

const CC = process.env['CC'] ?? 'cc';

/** The typed arrays over a ring's memory: heads and tails with completions, entries, control block. */
function viewsOf(ring: Ring): Int32Array[] {
  const { queues } = coreOf(ring).ports.primary;
  return [queues.ring, queues.entries, queues.control];
}

/** The line of /proc/self/maps that an address is in. */
function mappingAt(address: number): string | undefined {
  return fs
    .readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .find((line) => {
      const [begin, end] = line
        .split(' ')[0]
        .split('-')
        .map((hex) => Number.parseInt(hex, 16));
      return address >= begin && address < end;
    });
}

/** Bytes of address space that this process has mapped. */
function mappedBytes(): number {
  return 4096 * Number(fs.readFileSync('/proc/self/statm', 'latin1').split(' ')[0]);
}

async function collect(): Promise<void> {
  for (let i = 0; i < 6; i++) {
    global.gc!();
    await nextTurn();
  }
}

test('closing a ring leaves V8’s trust in typed arrays as it was', async () => {
  // Every loop over a typed array is slower once an ArrayBuffer of the thread has been detached. V8 says when it takes
  // note of that; the last lines show that this is what it says.
  const program = await runProgram(
    `const turn = () => new Promise(setImmediate);
     for (let i = 0; i < 3; i++) {
       const ring = Ring.open();
       await result((done) => ring.nop(done));
       i === 2 ? ring[Symbol.dispose]() : await ring.close();
       await turn();
       global.gc();
       await turn();
     }
     console.log('closed');
     const buffer = new ArrayBuffer(8);
     structuredClone(buffer, { transfer: [buffer] });`,
    { flags: ['--trace-protector-invalidation'] },
  );
  assert.equal(program.code, 0, program.stderr);
  const [before, after] = program.stdout.split('closed\n');
  assert.doesNotMatch(before, /ArrayBufferDetaching/);
  assert.match(after, /ArrayBufferDetaching/);
});

describe('a view of the queues of a closed ring', () => {
  test('shows memory of nobody', async () => {
    const ring = Ring.open();
    await result((done) => ring.nop(done));
    const views = viewsOf(ring);
    const addresses = views.map((view) => addressOf(new Uint8Array(view.buffer)));
    await ring.close();
    for (const [i, view] of views.entries()) {
      assert.ok(view.length > 0);
      assert.ok(view.every((word) => word === 0));
      assert.match(mappingAt(addresses[i])!, /^\S+ rw-p 0+ 00:00 0\s*$/, 'anonymous, private');
    }
  });

  test('can be written, and no ring notices', async () => {
    const old = Ring.open();
    const views = viewsOf(old);
    await old.close();
    const rings = Array.from({ length: 10 }, () => Ring.open());
    for (const view of views) view.fill(-1);
    for (const ring of rings) {
      for (const view of viewsOf(ring)) assert.ok(view.some((word) => word !== -1));
      assert.equal(await result((done) => ring.nop(done)), 0);
      await ring.close();
    }
    assert.ok(views.every((view) => view.every((word) => word === -1)));
  });

  test('gives its addresses back when it is collected, and not before', async () => {
    const entries = 4096;
    const open = async () => {
      const rings = Array.from({ length: 40 }, () => Ring.open({ engine, entries }));
      const views = rings.map(viewsOf);
      for (const ring of rings) await ring.close();
      return views;
    };
    await open();
    await collect();
    const before = mappedBytes();
    const bytes = 40 * entries * 64; // of the entries alone
    const views = await open();
    await collect();
    assert.ok(mappedBytes() - before >= bytes);
    views.length = 0;
    await collect();
    assert.ok(mappedBytes() - before < bytes / 4);
  });
});

test('ten thousand rings, one after the other, leave nothing behind', async () => {
  const program = await runProgram(
    `const turn = () => new Promise(setImmediate);
     const look = async () => {
       for (let i = 0; i < 6; i++) { global.gc(); await turn(); }
       const lines = fs.readFileSync('/proc/self/maps', 'latin1').split('\\n').length;
       return [lines, 4 * Number(fs.readFileSync('/proc/self/statm', 'latin1').split(' ')[0])];
     };
     const open = async (count) => {
       for (let i = 0; i < count; i++) {
         await Ring.open({ engine: '${engine}', entries: 8 }).close();
         if (i % 100 === 0) await turn();
       }
     };
     await open(2000);
     const [lines, kilobytes] = await look();
     await open(10_000);
     const [linesNow, kilobytesNow] = await look();
     console.log(JSON.stringify([linesNow - lines, kilobytesNow - kilobytes]));`,
  );
  assert.equal(program.code, 0, program.stderr);
  const [lines, kilobytes] = JSON.parse(program.stdout) as [number, number];
  assert.ok(lines < 2000, `${lines} more mappings`);
  assert.ok(kilobytes < 100_000, `${kilobytes} KiB more`); // 16 KiB a ring would be 160,000
});

test('a thread that has closed rings and ends leaves nothing behind', async () => {
  const run = async () => {
    const worker = startWorker(
      `globalThis.rings = Array.from({ length: 20 }, () => Ring.open({ engine: data, entries: 4096 }));
       for (const ring of rings.slice(1)) await ring.close();
       rings[0].timeout(60_000, () => {});
       post('closed');`,
      engine,
    );
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
  };
  for (let i = 0; i < 3; i++) await run();
  await collect();
  const before = mappedBytes();
  for (let i = 0; i < 15; i++) await run();
  await collect();
  const oneThread = 20 * 4096 * 64;
  assert.ok(mappedBytes() - before < 5 * oneThread);
});

test('where the kernel cannot replace its queues they are locked', {
  skip: onlyOn('io_uring'),
}, async (t) => {
  // What vm.max_map_count does, which is one number for the whole system.
  const shim = sharedLibrary(
    t,
    `#define _GNU_SOURCE
     #include <errno.h>
     #include <stddef.h>
     #include <sys/mman.h>
     #include <sys/syscall.h>
     #include <unistd.h>
     void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
       if (flags & MAP_FIXED && flags & MAP_NORESERVE && protection == PROT_READ) {
         errno = ENOMEM;
         return MAP_FAILED;
       }
       return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
     }`,
  );
  if (shim === null) return t.skip(`${CC} makes no shared library`);
  const options = { env: { LD_PRELOAD: `${process.env['LD_PRELOAD'] ?? ''} ${shim}` } };
  const program = await runProgram(
    `const { coreOf } = await import('${supportUrl('internals.js')}');
     const ring = Ring.open();
     const { entries, control } = coreOf(ring).ports.primary.queues;
     await ring.close();
     const maps = fs.readFileSync('/proc/self/maps', 'latin1').split('\\n');
     const locked = maps.filter((line) => line.includes(' ---s ') && line.includes('[io_uring]'));
     console.log(locked.length);
     control.fill(-1);
     ${'global.gc(); await new Promise(setImmediate);'.repeat(3)}`,
    options,
  );
  assert.deepEqual([program.code, program.stdout], [0, '2\n'], program.stderr);
});

function supportUrl(name: string): string {
  return new URL(`../support/${name}`, import.meta.url).href;
}

function sharedLibrary(t: TestContext, source: string): string | null {
  const path = join(temporaryDirectory(t), 'shim.so');
  try {
    execFileSync(CC, ['-shared', '-fPIC', '-x', 'c', '-', '-o', path], { input: source, stdio: 'pipe' });
    return path;
  } catch {
    return null;
  }
}
