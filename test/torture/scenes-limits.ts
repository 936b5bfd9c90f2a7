// Scenes at the limits of a process: the size of files, descriptors, threads, locked memory, what Linux AIO reserves.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { BufferPool, defaultRing } from 'linux-aio';
import { coreOf } from '../support/internals.js';
import { type DoorName, errnoOf } from './doors.js';
import { Newcomer } from './newcomer.js';
import {
  AIO_MAX_NR,
  AT_ONCE,
  BLOCK,
  check,
  code,
  filled,
  LOCKED_BYTES_MAX,
  type Scene,
  together,
} from './scene.js';

const AIO_NR = '/proc/sys/fs/aio-nr';

/** The soft limit of this process; the hard one stays. */
function limitLockedMemory(soft: number): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--memlock=${soft}:`]);
}

/** Where no engine can be had, the drop-in leaves everything to Node. */
const mayDoWithout = (door: DoorName): boolean => door === 'drop-in' || door === 'callbacks';

export const limitScenes = {
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
    // EINTR: io_uring could not make a worker for a request, as often as it was made.
    healthy.excuses = [code('EAGAIN'), code('ENOMEM'), code('EINTR')];
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

  /**
   * RLIMIT_MEMLOCK, for a process without CAP_IPC_LOCK: no memory can be registered with the kernel, and a new ring on
   * io_uring is refused where rings count (Linux 6.13). Transfers do without.
   */
  async lockedMemory({ own, door, healthy }: Scene) {
    const file = await door(join(own.healthy, `unlocked-${process.pid}`), 'w+');
    const { registered } = coreOf(defaultRing());
    const registers = (): boolean => {
      const memory = new ArrayBuffer(1 << 20);
      const isRegistered = registered.add(memory);
      if (isRegistered) registered.remove(memory);
      return isRegistered;
    };
    const before = registers();
    const newcomer = await Newcomer.start(own);
    limitLockedMemory(0);
    assert.equal(registers(), false, 'memory was registered, so nothing is shown');
    const pool = new BufferPool({ size: BLOCK, count: AT_ONCE });
    const buffers = Array.from({ length: AT_ONCE }, (_, i) => pool.acquire().fill(i));
    for (const n of await together((i) => file.write(buffers[i], i * BLOCK)))
      check(n, [BLOCK], 'a write of memory that is not registered');
    for (const n of await together((i) => file.read(buffers[i].fill(0xff), i * BLOCK)))
      check(n, [BLOCK], 'a read into it');
    for (const [i, buffer] of buffers.entries()) {
      assert.ok(
        buffer.every((byte) => byte === i),
        'another block’s data',
      );
    }
    pool[Symbol.dispose]();
    const isRefused = defaultRing().engine === 'io_uring' && !mayDoWithout(own.door);
    check(await newcomer.writes(), isRefused ? [code('ENOMEM'), BLOCK] : [BLOCK], 'a new thread');
    await healthy.goesOn(3);
    limitLockedMemory(LOCKED_BYTES_MAX);
    assert.equal(registers(), before, 'memory can be registered again');
    check(await newcomer.writes(), [BLOCK], 'the new thread afterwards');
    await newcomer.end();
    await file.close();
  },

  /** fs.aio-max-nr, of which io_setup reserves: a new ring on Linux AIO is refused, the others do without. */
  async aioMaxNr({ own, door, healthy }: Scene) {
    const file = await door(join(own.healthy, `reserved-${process.pid}`), 'w+');
    const newcomer = await Newcomer.start(own);
    const max = fs.readFileSync(AIO_MAX_NR, 'latin1');
    // It is the whole system's: nothing here takes longer than the attempts themselves.
    fs.writeFileSync(AIO_MAX_NR, fs.readFileSync(AIO_NR, 'latin1'));
    try {
      const isRefused = defaultRing().engine === 'native' && !mayDoWithout(own.door);
      check(await newcomer.writes(), [isRefused ? code('EAGAIN') : BLOCK], 'a new thread');
      for (const n of await together((i) => file.write(filled(i), i * BLOCK)))
        check(n, [BLOCK], 'a write of one that was there');
      await healthy.goesOn(1);
    } finally {
      fs.writeFileSync(AIO_MAX_NR, max);
    }
    check(await newcomer.writes(), [BLOCK], 'the new thread afterwards');
    await newcomer.end();
    await file.close();
  },
};
