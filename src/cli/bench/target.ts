// What is measured, behind one small interface: the package's File on one of its engines, or node:fs/promises.
// Both have read(buffer, offset, length, position), so one class serves them and neither pays for the harness.
import { constants } from 'node:fs';
import { open as openWithNode } from 'node:fs/promises';
import { open as openWithRing } from '../../file/open.js';
import { Ring } from '../../ring/ring.js';
import type { BenchEngine } from './plan.js';

/** Transfers between the file and buffer number `slot`. */
export interface Target {
  readonly engine: BenchEngine;
  read(slot: number, position: number): Promise<{ bytesRead: number }>;
  write(slot: number, position: number): Promise<{ bytesWritten: number }>;
  close(): Promise<void>;
}

/** What node's FileHandle and the package's File have in common. */
interface Handle {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }>;
  close(): Promise<void>;
}

class FileTarget implements Target {
  readonly engine: BenchEngine;
  readonly #handle: Handle;
  readonly #ring: Ring | null;
  readonly #buffers: readonly Uint8Array[];
  readonly #blockSize: number;

  constructor(engine: BenchEngine, handle: Handle, ring: Ring | null, buffers: readonly Uint8Array[]) {
    this.engine = engine;
    this.#handle = handle;
    this.#ring = ring;
    this.#buffers = buffers;
    this.#blockSize = buffers[0].length;
  }

  read(slot: number, position: number): Promise<{ bytesRead: number }> {
    return this.#handle.read(this.#buffers[slot], 0, this.#blockSize, position);
  }

  write(slot: number, position: number): Promise<{ bytesWritten: number }> {
    return this.#handle.write(this.#buffers[slot], 0, this.#blockSize, position);
  }

  async close(): Promise<void> {
    await this.#handle.close();
    await this.#ring?.close();
  }
}

export interface TargetOptions {
  path: string;
  direct: boolean;
  writes: boolean;
  /** One per transfer of a burst, all of the block size. */
  buffers: readonly Uint8Array[];
}

/** The engine cannot be used on this machine; the others may still be measured. */
export class EngineRefused extends Error {
  override name = 'EngineRefused';
}

/** Opens `path` on `engine`. Rejects with EngineRefused, or with what opening the file fails with. */
export async function openTarget(engine: BenchEngine, options: TargetOptions): Promise<Target> {
  const { path, direct, writes, buffers } = options;
  const flags = writes ? constants.O_RDWR : constants.O_RDONLY;
  if (engine === 'node') {
    const handle = await openWithNode(path, direct ? flags | constants.O_DIRECT : flags);
    return new FileTarget(engine, handle, null, buffers);
  }
  const ring = openRing(engine);
  try {
    const file = await openWithRing(path, flags, 0, { ring, direct });
    return new FileTarget(engine, file, ring, buffers);
  } catch (error) {
    await ring.close();
    throw error;
  }
}

function openRing(engine: Exclude<BenchEngine, 'node'>): Ring {
  try {
    return Ring.open({ engine });
  } catch (error) {
    throw new EngineRefused((error as Error).message, { cause: error });
  }
}
