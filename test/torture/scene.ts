// What every scene of a fault has: a door, a place where things go wrong, and work elsewhere that goes on meanwhile.
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Door, DoorName, OpenFile } from './doors.js';

/** What faults-case.ts is told. */
export interface Case {
  /** a function of scenes-*.ts */
  scene: string;
  door: DoorName;
  /** what the fault is given: an errno's name, a size, a path */
  detail?: string;
  /** a directory where it goes wrong, and where the files there really are */
  faulty: string;
  backing?: string;
  /** a directory where nothing does */
  healthy: string;
}

export interface Scene {
  own: Case;
  door: Door;
  healthy: Healthy;
  /** in the directory where it goes wrong */
  path(name: string): string;
}

export const BLOCK = 4096;
export const AT_ONCE = 16;
export const AIO_MAX_NR = '/proc/sys/fs/aio-max-nr';
/** RLIMIT_MEMLOCK before and after it is 0. */
export const LOCKED_BYTES_MAX = 8 << 20;
const { errno: ERRNO } = constants;
export const code = (name: string): number => -ERRNO[name as keyof typeof ERRNO];
export const filled = (byte: number, bytes = BLOCK) => new Uint8Array(bytes).fill(byte);

export let checked = 0;
export function check(actual: number, expected: readonly number[], what: string): void {
  checked++;
  assert.ok(expected.includes(actual), `${what}: ${actual}, not ${expected.join(' or ')}`);
}

/** `AT_ONCE` times the same, together. */
export const together = <T>(what: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: AT_ONCE }, (_, i) => what(i)));

/** Reads and writes where nothing goes wrong, as long as something does elsewhere. */
export class Healthy {
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
