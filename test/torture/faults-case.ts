// One fault, through one door, on one engine, in a process of its own: faults.ts runs it and reads its verdict.
//
// Usage: faults-case <Case as JSON>, with LINUX_AIO_ENGINE. Prints how many results were checked, as JSON.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { addressOf, native } from '../support/internals.js';
import { alignedView, openDescriptors } from '../support/temp.js';
import { type Door, type DoorName, doors, errnoOf, type OpenFile } from './doors.js';

export interface Case {
  fault: keyof typeof faults;
  door: DoorName;
  /** what the fault is given: an errno's name, a size, a path */
  detail?: string;
  /** a directory where it goes wrong, and where the files there really are */
  faulty: string;
  backing?: string;
  /** a directory where nothing does */
  healthy: string;
}

const BLOCK = 4096;
const AT_ONCE = 16;
const { errno: ERRNO } = constants;
const code = (name: string): number => -ERRNO[name as keyof typeof ERRNO];
const filled = (byte: number, bytes = BLOCK) => new Uint8Array(bytes).fill(byte);

let checked = 0;
function check(actual: number, expected: readonly number[], what: string): void {
  checked++;
  assert.ok(expected.includes(actual), `${what}: ${actual}, not ${expected.join(' or ')}`);
}

/** Reads and writes where nothing goes wrong, as long as something does elsewhere. */
class Healthy {
  readonly #file: OpenFile;
  #going = true;
  #done = 0;
  readonly #over: Promise<void>;
  /** what a request may answer besides, while the whole process is short of something */
  excuses: readonly number[] = [];

  constructor(file: OpenFile) {
    this.#file = file;
    this.#over = this.#run();
  }

  async #run(): Promise<void> {
    for (let i = 0; this.#going; i = (i + 1) % 64) {
      const buffer = new Uint8Array(BLOCK);
      const outcomes = [BLOCK, ...this.excuses];
      const written = await this.#file.write(filled(i), i * BLOCK);
      check(written, [...outcomes, ...this.excuses], 'a write elsewhere');
      const read = written === BLOCK ? await this.#file.read(buffer, i * BLOCK) : written;
      check(read, [...outcomes, ...this.excuses], 'a read elsewhere');
      if (read === BLOCK) {
        assert.ok(
          buffer.every((byte) => byte === i),
          'another file’s data',
        );
        this.#done++;
      }
      await nextTurn();
    }
  }

  /** So many more have gone through while the fault lasts. */
  async goesOn(count: number): Promise<void> {
    const from = this.#done;
    while (this.#done < from + count) await Promise.race([nextTurn(), this.#over]);
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#over;
    await this.#file.close();
  }
}

interface Scene {
  own: Case;
  door: Door;
  healthy: Healthy;
  path(name: string): string;
}

/** `AT_ONCE` times the same, together. */
const together = <T>(what: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: AT_ONCE }, (_, i) => what(i)));

const faults = {
  /** Every read fails. */
  async read({ own, door, path }: Scene) {
    const name = `read-${own.detail}`;
    fs.writeFileSync(join(own.backing!, name), filled(1, AT_ONCE * BLOCK));
    const file = await door(path(name), 'r');
    for (const n of await together((i) => file.read(new Uint8Array(BLOCK), i * BLOCK)))
      check(n, [code(own.detail!)], 'a read');
    await file.close();
  },

  /** Every write fails. */
  async write({ own, door, path }: Scene) {
    const file = await door(path(`write-${own.detail}`), 'w+');
    for (const n of await together((i) => file.write(filled(i), i * BLOCK)))
      check(n, [code(own.detail!)], 'a write');
    check(await file.sync(), [0], 'a sync');
    await file.close();
  },

  /** Writes succeed, syncs fail: nobody must be told that data is safe. */
  async fsync({ own, door, path }: Scene) {
    const file = await door(path(`fsync-${own.detail}`), 'w+');
    for (const n of await together((i) => file.write(filled(i), i * BLOCK))) check(n, [BLOCK], 'a write');
    for (const n of await together(() => file.sync())) check(n, [code(own.detail!)], 'a sync');
    await file.close();
  },

  /** Opening fails. */
  async open({ own, door, path }: Scene) {
    fs.writeFileSync(join(own.backing!, `open-${own.detail}`), '');
    for (const n of await together(() => door(path(`open-${own.detail}`), 'r').then(() => 0, errnoOf)))
      check(n, [code(own.detail!)], 'an open');
  },

  /** Writes fail from some byte on; those before it are there. */
  async limit({ own, door, path }: Scene) {
    const limit = (AT_ONCE / 2) * BLOCK;
    const file = await door(path(`write-${own.detail}-${limit}`), 'w+');
    const results = await together((i) => file.write(filled(i), i * BLOCK));
    for (const [i, n] of results.entries())
      check(n, i < AT_ONCE / 2 ? [BLOCK] : [code(own.detail!)], `write ${i}`);
    check(await file.sync(), [0], 'a sync');
    const buffer = new Uint8Array(BLOCK);
    for (let i = 0; i < AT_ONCE / 2; i++) {
      check(await file.read(buffer, i * BLOCK), [BLOCK], `read ${i}`);
      assert.ok(buffer.every((byte) => byte === i));
    }
    await file.close();
  },

  /** Reads are short; what was not read is not touched: no byte of the buffer shows what was in memory before. */
  async shortRead({ own, door, path }: Scene) {
    const name = `read-short-${own.detail}`;
    const bytes = Number(own.detail);
    fs.writeFileSync(join(own.backing!, name), filled(1, AT_ONCE * BLOCK));
    const file = await door(path(name), 'r');
    await together(async (i) => {
      const buffer = filled(0xc5);
      check(await file.read(buffer, i * BLOCK), [bytes], 'a short read');
      assert.ok(buffer.subarray(0, bytes).every((byte) => byte === 1));
      assert.ok(
        buffer.subarray(bytes).every((byte) => byte === 0xc5),
        'bytes beyond the result were written',
      );
    });
    await file.close();
  },

  /** A slow device: results take their time, in no order. */
  async slow({ own, door, path, healthy }: Scene) {
    const name = `read-jitter-${own.detail},write-jitter-${own.detail},fsync-delay-${own.detail}`;
    const file = await door(path(name), 'w+');
    const writes = together((i) => file.write(filled(i), i * BLOCK));
    await healthy.goesOn(3);
    for (const n of await writes) check(n, [BLOCK], 'a slow write');
    check(await file.sync(), [0], 'a slow sync');
    await together(async (i) => {
      const buffer = new Uint8Array(BLOCK);
      check(await file.read(buffer, i * BLOCK), [BLOCK], 'a slow read');
      assert.ok(
        buffer.every((byte) => byte === i),
        'another block’s data',
      );
    });
    await file.close();
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
    const whileOthersGoOn = async (what: Promise<number[]>, expected: number, name: string) => {
      await healthy.goesOn(2);
      assert.ok(pending > 0, `${name} were not slowed down, so nothing is shown`);
      for (const n of await what) check(n, [expected], `one of ${name}`);
    };
    const writes = together((i) => slowly(file.write(memory[i].fill(i + 1), i * piece)));
    if (own.detail === 'direct') await whileOthersGoOn(writes, piece, 'writes');
    else for (const n of await writes) check(n, [piece], 'a write to the cache');
    const sync = slowly(file.sync());
    if (own.detail !== 'direct')
      await whileOthersGoOn(
        sync.then((n) => [n]),
        0,
        'syncs',
      );
    check(await sync, [0], 'a sync');
    const reads = together((i) => slowly(file.read(memory[i].fill(0), i * piece)));
    if (own.detail === 'direct') await whileOthersGoOn(reads, piece, 'reads');
    for (const n of await reads) check(n, [piece], 'a read');
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

  /** Reads never come back, until the file system lets them: others go on, cancelling hurts nobody. */
  async hang({ own, door, path, healthy }: Scene) {
    fs.writeFileSync(join(own.backing!, 'read-hang'), filled(1, 8 * BLOCK));
    const file = await door(path('read-hang'), 'r');
    const reads = Array.from({ length: 6 }, (_, i) => file.cancellableRead(new Uint8Array(BLOCK), i * BLOCK));
    await healthy.goesOn(20);
    for (const read of reads.slice(0, 3)) read.cancel();
    await healthy.goesOn(20);
    fs.mkdirSync(path('release'));
    for (const n of await Promise.all(reads.slice(0, 3).map((read) => read.result)))
      check(n, [BLOCK, code('ECANCELED'), code('EINTR')], 'a cancelled read');
    for (const n of await Promise.all(reads.slice(3).map((read) => read.result)))
      check(n, [BLOCK], 'a hanging read');
    await file.close();
  },

  /** A real file system without a block left. What was written is there, and when there is room again it goes on. */
  async full({ door, path }: Scene) {
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
        check(Math.min(n, 0), [0, code('ENOSPC')], `write ${from + i}`); // or short
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
    fs.truncateSync(name, 0);
    fs.rmSync(name);
    const again = await door(`${name}-again`, 'w+');
    check(await again.write(filled(7), 0), [BLOCK], 'a write when there is room again');
    check(await again.sync(), [0, code('ENOSPC')], 'a sync');
    await again.close();
    await file.close();
    fs.rmSync(`${name}-again`);
  },

  /** RLIMIT_FSIZE, with SIGXFSZ ignored. */
  async fileSize({ own, door }: Scene) {
    const limit = Number(own.detail);
    const file = await door(join(own.healthy, `limited-${process.pid}`), 'w+');
    check(await file.write(filled(1), limit - BLOCK), [BLOCK], 'the last write within the limit');
    for (const n of await together((i) => file.write(filled(2), limit + i * BLOCK)))
      check(n, [code('EFBIG')], 'beyond it');
    const across = await file.write(filled(3), limit - BLOCK / 2);
    check(across, [BLOCK / 2, code('EFBIG')], 'a write across it');
    const buffer = new Uint8Array(BLOCK);
    check(await file.read(buffer, limit - BLOCK), [BLOCK], 'a read');
    await file.close();
  },

  /** No descriptor left: what is open goes on, opening says so, and works again afterwards. */
  async descriptors({ own, door, healthy }: Scene) {
    const name = join(own.healthy, 'some-file');
    fs.writeFileSync(name, filled(1, AT_ONCE * BLOCK));
    const file = await door(name, 'r+');
    const hoard: number[] = [];
    healthy.excuses = [code('EMFILE'), code('EAGAIN')];
    try {
      for (;;) hoard.push(fs.openSync('/dev/null', 'r'));
    } catch (error) {
      check(errnoOf(error), [code('EMFILE')], 'the hoarder');
    }
    // Requests made together need a duplicate of their descriptor where the engine looks it up late.
    const results = await together((i) => file.read(new Uint8Array(BLOCK), i * BLOCK));
    for (const n of results)
      check(n, [BLOCK, code('EMFILE'), code('EAGAIN')], 'a read without a descriptor to spare');
    // The ring gives a duplicate back at the end of a turn, so one may just have become free.
    const opening = door(name, 'r');
    check(await opening.then(() => 0, errnoOf), [0, code('EMFILE')], 'an open');
    await opening.then(
      (opened) => opened.close(),
      () => {},
    );
    for (const fd of hoard) fs.closeSync(fd);
    await healthy.goesOn(1);
    healthy.excuses = [];
    for (const n of await together((i) => file.read(new Uint8Array(BLOCK), i * BLOCK)))
      check(n, [BLOCK], 'afterwards');
    await healthy.goesOn(3);
    await file.close();
  },

  /** No thread can be made any more (a limit on processes in the cgroup): it fails or goes on, and then it goes on. */
  async processes({ own, door, healthy }: Scene) {
    // ECANCELED is io_uring's answer where it cannot make a worker for a request (io_queue_iowq in io_uring.c).
    healthy.excuses = [code('EAGAIN'), code('ENOMEM'), code('ECANCELED')];
    const max = join(own.detail!, 'pids.max');
    const current = fs.readFileSync(join(own.detail!, 'pids.current'), 'utf8');
    fs.writeFileSync(max, current.trim());
    const name = join(own.healthy, `threadless-${process.pid}`);
    fs.writeFileSync(name, '');
    const file = await door(name, 'r+');
    const outcomes = [BLOCK, ...healthy.excuses];
    for (const n of await together((i) => file.write(filled(i), i * BLOCK)))
      check(n, outcomes, 'without a thread');
    check(await file.sync(), [0, ...healthy.excuses], 'a sync without a thread');
    fs.writeFileSync(max, 'max');
    await healthy.goesOn(1);
    healthy.excuses = [];
    for (const n of await together((i) => file.write(filled(i), i * BLOCK))) check(n, [BLOCK], 'afterwards');
    check(await file.sync(), [0], 'a sync afterwards');
    await file.close();
  },

  /** Signals all the time: system calls are interrupted everywhere. */
  async signals({ own, door, path }: Scene) {
    const file = await door(path('read-jitter-4,write-jitter-4'), 'w+');
    let received = 0;
    process.on('SIGUSR2', () => received++);
    process.stdout.write('ready\n'); // from here on the parent sends them
    for (let round = 0; round < 5; round++) {
      for (const n of await together((i) => file.write(filled(i), i * BLOCK))) check(n, [BLOCK], 'a write');
      for (const n of await together((i) => file.read(new Uint8Array(BLOCK), i * BLOCK)))
        check(n, [BLOCK], 'a read');
      check(await file.sync(), [0], 'a sync');
    }
    for (let i = 0; received === 0 && i < 1000; i++) await sleep(1);
    assert.ok(received > 0, `no signal was received, so nothing is shown (${own.door})`);
    process.stdout.write('enough\n');
    await sleep(100); // a signal after the handlers are gone would end the process
    await file.close();
  },
};

async function settled(descriptors: number, pins: number): Promise<void> {
  const isSettled = (): boolean => openDescriptors() <= descriptors && native().pinCount() <= pins;
  for (let i = 0; i < 100 && !isSettled(); i++) {
    global.gc!();
    await sleep(5);
  }
  assert.ok(
    openDescriptors() <= descriptors,
    `${openDescriptors()} descriptors are open, there were ${descriptors}`,
  );
  assert.ok(native().pinCount() <= pins, `${native().pinCount()} buffers are held, there were ${pins}`);
}

const own = JSON.parse(process.argv[2]) as Case;
const door = doors[own.door];
// What a process has once (rings, pools) is there before anything is counted.
const first = new Healthy(await door(join(own.healthy, `first-${process.pid}`), 'w+'));
await first.goesOn(50);
await first.stop();
for (let i = 0; i < 5; i++) {
  global.gc!();
  await sleep(2);
}
const [descriptors, pins] = [openDescriptors(), native().pinCount()];
const healthy = new Healthy(await door(join(own.healthy, `healthy-${process.pid}`), 'w+'));
await faults[own.fault]({ own, door, healthy, path: (name) => join(own.faulty, name) });
await healthy.goesOn(5);
await healthy.stop();
await settled(descriptors, pins + 8);
console.log(JSON.stringify({ checked }));
