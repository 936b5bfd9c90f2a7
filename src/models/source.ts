// Where the blocks come from: a pipe or a socket with a slow device at the other end, or a file. One for each run of a
// model, so that none finds what another has left.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { getSystemErrorMap } from 'node:util';
import { native } from '../abi/native.js';
import { alignedBuffer } from './aligned.js';
import { fillBlock } from './block.js';
import { BLOCKS_BEFORE, type SourceName } from './task.js';

export interface SourceOptions {
  source: SourceName;
  /** Milliseconds from the request for a block to the block; not for files, which are as slow as they are. */
  delayMs: number;
  blockBytes: number;
  blocks: number;
  /** The file, laid out by `layOut`. */
  path: string | null;
}

/** Descriptors for the process of a model: data, and requests where there are any. */
export class Source implements Disposable {
  readonly descriptors: readonly number[];
  readonly #device: ChildProcess | null;

  constructor(options: SourceOptions) {
    if (options.source === 'file') {
      this.descriptors = [openSync(options.path!, constants.O_RDONLY | constants.O_DIRECT)];
      this.#device = null;
      return;
    }
    const [data, deviceData] =
      options.source === 'pipe' ? pair('pipe', native().pipe()) : pair('socketpair', native().socketPair());
    const [deviceRequests, requests] = pair('pipe', native().pipe());
    this.#device = spawn(
      process.execPath,
      [programPath('device.js'), String(options.delayMs), String(options.blockBytes)],
      { stdio: ['ignore', 'ignore', 'inherit', deviceData, deviceRequests], detached: true },
    );
    closeSync(deviceData);
    closeSync(deviceRequests);
    this.descriptors = [data, requests];
  }

  /** Closes this process's copies. The device ends when the process of the model has ended too. */
  [Symbol.dispose](): void {
    for (const fd of this.descriptors) closeSync(fd);
  }

  /** Ends the device at once. */
  kill(): void {
    this.#device?.kill('SIGKILL');
  }
}

/** Writes a file with all blocks that one model reads, at `path`. */
export function layOut(
  path: string,
  { blocks, blockBytes }: Pick<SourceOptions, 'blocks' | 'blockBytes'>,
): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    const block = Buffer.alloc(blockBytes);
    for (let number = 0; number < blocks + BLOCKS_BEFORE; number++) {
      fillBlock(block, number);
      for (let written = 0; written < blockBytes; ) written += writeSync(fd, block, written);
    }
    fsyncSync(fd); // the first model would wait for it
  } finally {
    closeSync(fd);
  }
}

const TRIALS = 9;

/** How long such a file takes to give a block: the median of a few. */
export function typicalReadMs(path: string, blockBytes: number): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
  try {
    const buffer = alignedBuffer(blockBytes);
    const times = Array.from({ length: TRIALS }, () => {
      const begin = performance.now();
      readSync(fd, buffer, 0, blockBytes, 0);
      return performance.now() - begin;
    });
    return times.sort((a, b) => a - b)[TRIALS >> 1];
  } finally {
    closeSync(fd);
  }
}

export function programPath(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

function pair(syscall: string, result: [number, number] | number): [number, number] {
  if (typeof result !== 'number') return result;
  const [code, text] = getSystemErrorMap().get(result) ?? [`errno ${-result}`, 'unknown error'];
  throw Object.assign(new Error(`${code}: ${text}, ${syscall}`), { code, errno: result, syscall });
}
