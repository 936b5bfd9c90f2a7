// The files the workloads work on: a temporary folder under os.tmpdir() or BENCH_DIR, each file made when the first
// workload asks for it, everything removed at the end. Every 4 KiB block begins with its number (whole files: with the
// file's), which is how a contestant that did not read is found out.
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { alignedBuffers, O_DIRECT } from './buffers.js';

export const block = 4096;
const chunk = 1 << 20;

/** Powers of two: a random block is a mask away. */
export const cachedBlocks = 65_536; // 256 MiB
export const writtenBlocks = 16_384; // 64 MiB: dirty in 50 ms, far below any writeback threshold
export const smallFiles = 20_000;
export const smallPerFolder = 200;
export const wholeFiles = 10;
export const wholeSize = 16 << 20;
export const appendFiles = 32;

export type FixtureName = 'cached' | 'direct' | 'written' | 'append-' | 'small-' | 'whole-';

const needs: Record<FixtureName, number> = {
  cached: cachedBlocks * block,
  direct: cachedBlocks * block,
  written: writtenBlocks * block,
  'append-': 256 << 20,
  'small-': smallFiles * block,
  'whole-': wholeFiles * wholeSize,
};

export class Fixtures {
  readonly folder: string;
  readonly #made = new Map<FixtureName, Promise<void>>();

  constructor(parent: string = process.env.BENCH_DIR || tmpdir()) {
    this.folder = fs.mkdtempSync(join(parent, 'linux-aio-bench-'));
  }

  /** The file's path, or the prefix of a numbered set; made on first use. */
  async path(name: FixtureName): Promise<string> {
    const path = join(this.folder, name);
    if (!this.#made.has(name)) {
      this.#demand(needs[name]);
      this.#made.set(name, make[name](path));
    }
    await this.#made.get(name);
    return path;
  }

  #demand(bytes: number): void {
    const { bavail, bsize } = fs.statfsSync(this.folder);
    if (bavail * bsize < bytes * 1.1) {
      throw new Error(
        `${Math.round((bavail * bsize) / 2 ** 20)} MiB free in the temporary folder, ` +
          `${Math.round(bytes / 2 ** 20)} are needed: set BENCH_DIR to a folder with more room`,
      );
    }
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const make: Record<FixtureName, (path: string) => Promise<void>> = {
  cached: (path) => blocks(path, cachedBlocks, 0),
  direct: async (path) => {
    try {
      await blocks(path, cachedBlocks, O_DIRECT); // nothing of it in the page cache
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EINVAL')
        throw new Error('no O_DIRECT on this file system');
      throw error;
    }
  },
  // By blocks, as the workload writes: a file written in large chunks sits in the cache in large folios, and each small
  // write into one of those walks all of it (ext4, 6.18: 280 k writes a second instead of 700 k).
  written: (path) => blocks(path, writtenBlocks, 0, 0, block),
  'append-': async () => {}, // emptied before each slice
  'small-': async (path) => {
    const content = new Uint8Array(block).fill(0x55);
    const words = new Uint32Array(content.buffer);
    for (let n = 0; n < smallFiles; n++) {
      if (n % smallPerFolder === 0) {
        fs.mkdirSync(`${path}${n / smallPerFolder}`);
        await setImmediate(); // Ctrl-C gets a turn
      }
      words[0] = n;
      fs.writeFileSync(smallPath(path, n), content);
    }
    settle(`${path}0/0`);
  },
  'whole-': async (path) => {
    for (let n = 0; n < wholeFiles; n++) await blocks(`${path}${n}`, wholeSize / block, 0, n);
  },
};

export function smallPath(prefix: string, n: number): string {
  return `${prefix}${Math.floor(n / smallPerFolder)}/${n}`;
}

/** Writes a file of numbered blocks and waits until the disk has it. */
async function blocks(path: string, count: number, flags: number, first = 0, step = chunk): Promise<void> {
  const fd = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT | flags, 0o666);
  try {
    writeBlocks(fd, count, first, step);
    await setImmediate();
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Overwrites the whole file in sequence; `first` goes into the very first word (whole files: the file's number). */
function writeBlocks(fd: number, count: number, first: number, step: number): void {
  const [view] = alignedBuffers(1, step).views;
  const words = new Uint32Array(view.buffer, view.byteOffset, step / 4);
  words.fill(0x55555555);
  for (let position = 0; position < count * block; position += step) {
    for (let i = 0; i < step / block; i++) {
      words[(i * block) / 4] = position / block + i;
      words[(i * block) / 4 + 1] = 0;
    }
    if (position === 0) words[0] = first;
    fs.writeSync(fd, view, 0, Math.min(step, count * block - position), position);
  }
}

/** Brings a file into the page cache and makes sure none of it waits to be written. */
export function warmFile(path: string): void {
  const fd = fs.openSync(path, 'r+');
  const buffer = new Uint8Array(chunk);
  fs.fdatasyncSync(fd);
  while (fs.readSync(fd, buffer, 0, chunk, null) > 0);
  fs.closeSync(fd);
}

/** The same state before each slice of buffered writes: on disk, then every page in the cache and dirty. */
export function dirtyFile(path: string, count: number): void {
  const fd = fs.openSync(path, 'r+');
  fs.fdatasyncSync(fd);
  writeBlocks(fd, count, 0, block);
  fs.closeSync(fd);
}

/** fsync of one file commits the journal, so that no creation of ours is written back during a slice. */
function settle(path: string): void {
  const fd = fs.openSync(path, 'r+');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}
