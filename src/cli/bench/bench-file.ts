// The file a benchmark works on: found or made, filled with valid blocks, checked, and removed again when it is
// ours to remove. The rule above all: data that aio bench has not written is never overwritten unasked.
//
//   --filename    the file                        reads                       writes
//   ------------  ------------------------------  --------------------------  ----------------------------------
//   not given     temporary, laid out, removed    checked                     yes
//   given         absent or empty: laid out, kept checked                     yes
//   given         laid out by aio bench           checked                     yes
//   given         anything else                   measured, cannot be checked refused, unless --overwrite lays it
//                                                                             out anew
import { mkdtempSync, rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Interrupt } from '../interrupt.js';
import type { Progress } from '../progress.js';
import { formatBytes } from '../units.js';
import { UsageError } from '../usage-error.js';
import { HEADER_BYTES, readHeader, wordsOf } from './block.js';
import { type LayoutJob, layOut, verifyLayout } from './layout.js';
import type { Plan } from './plan.js';
import { checkSize, SIZE_DEFAULT } from './plan.js';

export interface BenchFile {
  path: string;
  /** Bytes in use: a whole number of blocks. */
  size: number;
  blocks: number;
  temporary: boolean;
  /** Whether the file has our blocks, so that what is read can be checked. */
  checked: boolean;
  /** How often each block has been written; null where nothing writes, or nothing is known. */
  sequences: Uint32Array | null;
}

/** Makes or finds the file that `plan` asks for, leaves it valid and, without --direct, in the page cache. */
export async function prepareFile(plan: Plan, interrupt: Interrupt, progress: Progress): Promise<BenchFile> {
  const writes = plan.readPercent < 100;
  const found =
    plan.filename === null ? temporaryFile(plan, interrupt) : await existingFile(plan.filename, plan);
  if (writes && found.content === 'foreign') {
    throw new UsageError(
      `${found.path} holds data that aio bench did not write, so it will not be overwritten. ` +
        'Choose another file, or add --overwrite to lose its contents',
    );
  }
  const checked = found.content !== 'foreign';
  const size = sizeToUse(plan, found);
  const blocks = size / plan.blockSize;
  const job = { path: found.path, blockSize: plan.blockSize, blocks, interrupt, progress };
  let sequences: Uint32Array | null = writes ? new Uint32Array(blocks) : null;
  if (found.content === 'none') await layOutOrRemove(job, found);
  // A buffered benchmark is one of the page cache, so everything has to be in it; reading it also shows damage
  // before it could be blamed on an engine. What has just been laid out for O_DIRECT needs neither.
  const fresh = found.content === 'none' && plan.direct;
  if (!fresh) sequences = await verifyLayout({ ...job, checked, sequences });
  progress.clear();
  return { path: found.path, size, blocks, temporary: plan.filename === null, checked, sequences };
}

/** A file that was not there before is not left behind half laid out: on a full disk it would be what fills it. */
async function layOutOrRemove(job: LayoutJob, { path, exists }: Found): Promise<void> {
  try {
    await layOut(job);
  } catch (error) {
    if (!exists) rmSync(path, { force: true });
    throw error;
  }
}

interface Found {
  path: string;
  exists: boolean;
  /** Bytes; 0 where there is nothing yet. */
  size: number;
  /** `none`: to be laid out. `ours`: laid out with the plan's block size. `foreign`: somebody else's data. */
  content: 'none' | 'ours' | 'foreign';
}

function temporaryFile(plan: Plan, interrupt: Interrupt): Found {
  // A directory of its own, because mkdtemp makes it with a name and permissions nobody else can take.
  const directory = mkdtempSync(join(plan.directory ?? tmpdir(), 'aio-bench-'));
  interrupt.onExit(() => rmSync(directory, { recursive: true, force: true }));
  return { path: join(directory, 'blocks'), exists: false, size: 0, content: 'none' };
}

async function existingFile(path: string, plan: Plan): Promise<Found> {
  let handle: FileHandle;
  try {
    // O_NONBLOCK semantics are not needed: the kind of file is looked at before anything is read.
    handle = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return { path, exists: false, size: 0, content: 'none' };
    throw error;
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new UsageError(`--filename: ${path} is not a regular file`);
    if (stats.size === 0 || plan.overwrite) return { path, exists: true, size: stats.size, content: 'none' };
    const blockSize = await blockSizeOfOurs(handle, stats.size);
    if (blockSize === null) return { path, exists: true, size: stats.size, content: 'foreign' };
    const usable = blockSize === plan.blockSize && (plan.size === null || stats.size >= plan.size);
    // Ours, but in other blocks or too small: may be laid out again without asking.
    return { path, exists: true, size: stats.size, content: usable ? 'ours' : 'none' };
  } finally {
    await handle.close();
  }
}

/** The block size of a file laid out by aio bench, or null: the first and the last whole block must be ours. */
async function blockSizeOfOurs(handle: FileHandle, size: number): Promise<number | null> {
  const first = await headerAt(handle, 0);
  if (first === null || first.number !== 0) return null;
  const lastNumber = Math.floor(size / first.blockSize) - 1;
  const last = await headerAt(handle, lastNumber * first.blockSize);
  return last !== null && last.number === lastNumber && last.blockSize === first.blockSize
    ? first.blockSize
    : null;
}

async function headerAt(handle: FileHandle, position: number): Promise<ReturnType<typeof readHeader>> {
  if (position < 0) return null;
  const bytes = new Uint8Array(HEADER_BYTES);
  const { bytesRead } = await handle.read(bytes, 0, HEADER_BYTES, position);
  return bytesRead === HEADER_BYTES ? readHeader(wordsOf(bytes)) : null;
}

function sizeToUse(plan: Plan, found: Found): number {
  const wanted = plan.size ?? (found.size > 0 ? found.size : SIZE_DEFAULT);
  if (found.content === 'foreign' && wanted > found.size) {
    throw new UsageError(`--size ${formatBytes(wanted)}: ${found.path} has only ${formatBytes(found.size)}`);
  }
  checkSize(wanted, plan);
  return wanted - (wanted % plan.blockSize);
}
