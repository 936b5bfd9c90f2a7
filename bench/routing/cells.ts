// One cell of the grid: an operation, buffered or O_DIRECT, of a size, so many at once. The loop is the same for
// everybody, because File has what FileHandle has.
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { alignedBuffers } from '../buffers.js';
import { xorshift } from '../random.js';
import type { Contender, Handle } from './contenders.js';
import type { Place } from './places.js';

export interface Cell {
  readonly operation: 'read' | 'write' | 'stat' | 'durable write' | 'open+close';
  readonly direct: boolean;
  /** bytes of one transfer */
  readonly size: number;
  readonly depth: number;
}

const BLOCK = 4096;
const FILE_BYTES = 1 << 28;
const DEPTHS = [1, 8, 32, 128];
const SIZES = [BLOCK, 64 * 1024, 1024 * 1024];

export const cells: readonly Cell[] = [
  ...[false, true].flatMap((direct) =>
    (['read', 'write'] as const).flatMap((operation) =>
      SIZES.flatMap((size) => DEPTHS.map((depth) => ({ operation, direct, size, depth }))),
    ),
  ),
  ...(['stat', 'durable write', 'open+close'] as const).flatMap((operation) =>
    DEPTHS.map((depth) => ({ operation, direct: false, size: BLOCK, depth })),
  ),
];

export function titleOf({ operation, direct, size }: Cell): string {
  if (operation === 'stat' || operation === 'open+close') return operation;
  const bytes = size < 1 << 20 ? `${size >> 10} KiB` : `${size >> 20} MiB`;
  return `${operation} ${bytes}${direct ? ', O_DIRECT' : ''}`;
}

/** A file of `FILE_BYTES` in the page cache, written in blocks: large folios make small writes slow on ext4. */
export function makeFile(place: Place): string {
  const path = join(place.folder, 'file');
  const fd = openSync(path, 'w+');
  const block = new Uint8Array(BLOCK).fill(0x55);
  for (let position = 0; position < FILE_BYTES; position += BLOCK) writeSync(fd, block, 0, BLOCK, position);
  closeSync(fd);
  return path;
}

/** Operations per second over about `milliseconds`. */
export async function slice(
  contender: Contender,
  path: string,
  cell: Cell,
  milliseconds: number,
  seed: number,
): Promise<number> {
  const flags = constants.O_RDWR | (cell.direct ? constants.O_DIRECT : 0);
  const file = await contender.open(path, flags);
  const { views } = alignedBuffers(cell.depth, cell.size);
  const once = operations[cell.operation];
  const mask = FILE_BYTES / cell.size - 1;
  try {
    const next = xorshift(seed);
    let count = 0;
    const start = performance.now();
    const end = start + milliseconds;
    const lane = async (view: Uint8Array) => {
      do {
        await once(file, view, (next() & mask) * cell.size, contender, path);
        count++;
      } while (performance.now() < end);
    };
    await Promise.all(views.map(lane));
    return (1000 * count) / (performance.now() - start);
  } finally {
    await file.close();
  }
}

type Operation = (
  file: Handle,
  view: Uint8Array,
  position: number,
  contender: Contender,
  path: string,
) => Promise<unknown>;

const operations: Record<Cell['operation'], Operation> = {
  async read(file, view, position) {
    const { bytesRead } = await file.read(view, 0, view.byteLength, position);
    if (bytesRead !== view.byteLength) throw new Error(`read ${bytesRead} of ${view.byteLength} bytes`);
  },
  async write(file, view, position) {
    const { bytesWritten } = await file.write(view, 0, view.byteLength, position);
    if (bytesWritten !== view.byteLength)
      throw new Error(`wrote ${bytesWritten} of ${view.byteLength} bytes`);
  },
  async 'durable write'(file, view, position) {
    await file.write(view, 0, view.byteLength, position);
    await file.datasync();
  },
  async stat(file) {
    const { size } = await file.stat();
    if (size !== FILE_BYTES) throw new Error(`stat says ${size} bytes`);
  },
  async 'open+close'(_file, _view, _position, contender, path) {
    const file = await contender.open(path, constants.O_RDONLY);
    await file.close();
  },
};
