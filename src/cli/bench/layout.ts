// Fills a file with valid blocks, and reads one back to see whether they are. Both in large pieces with
// node:fs/promises: this is preparation, not measurement.
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { Interrupt } from '../interrupt.js';
import type { Progress } from '../progress.js';
import { formatBytes } from '../units.js';
import { checkBlock, fillRandom, readHeader, stampBlock, wordsOf } from './block.js';

/** Bytes written or read at a time; a whole number of blocks is made of it. */
const CHUNK_BYTES = 1024 * 1024;

/** So many damaged blocks are listed; the rest are counted. */
const FAILURES_LISTED_MAX = 10;

export interface LayoutJob {
  path: string;
  blockSize: number;
  blocks: number;
  interrupt: Interrupt;
  progress: Progress;
}

export interface VerifyFailure {
  /** Byte offset of the block in the file. */
  position: number;
  /** What is wrong with it, as the end of a sentence that begins with the block. */
  reason: string;
}

/** Blocks read that are not what was written. */
export class VerifyError extends Error {
  override name = 'VerifyError';
  readonly failures: readonly VerifyFailure[];

  /** `where` begins the message: the file, or the engine that read. `total` counts those not listed too. */
  constructor(where: string, failures: readonly VerifyFailure[], total: number, hint = '') {
    const listed = failures.slice(0, FAILURES_LISTED_MAX);
    const lines = listed.map(({ position, reason }) => `  at offset ${position}: the block ${reason}`);
    if (total > listed.length) lines.push(`  … and ${total - listed.length} more`);
    const blocks = total === 1 ? '1 block is' : `${total} blocks are`;
    super(`${where}: ${blocks} not what was written\n${lines.join('\n')}${hint && `\n${hint}`}`);
    this.failures = failures;
  }
}

/** Writes every block of the file in version 0 and waits until they are on the device. */
export async function layOut(job: LayoutJob): Promise<void> {
  const { path, blockSize, blocks } = job;
  // Truncated, so that nothing of an earlier layout stays beyond the end: the last block has to be of this one.
  const handle = await open(path, 'w');
  try {
    const { bytes, slots } = chunkOf(blockSize, blocks);
    fillRandom(wordsOf(bytes), 1);
    for (let first = 0; first < blocks; first += slots.length) {
      job.interrupt.throwIfRequested();
      const count = Math.min(slots.length, blocks - first);
      for (let i = 0; i < count; i++) stampBlock(slots[i], first + i, 0);
      await writeAll(handle, bytes.subarray(0, count * blockSize), first * blockSize);
      job.progress.update(() => progressLine('writing', path, first + count, job));
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

export interface VerifyJob extends LayoutJob {
  /** false: somebody else's file, only to be read into the page cache. */
  checked: boolean;
  /** Filled with the version of each block, where given. */
  sequences: Uint32Array | null;
}

/** Reads the whole file; throws a VerifyError when blocks are damaged. */
export async function verifyLayout(job: VerifyJob): Promise<Uint32Array | null> {
  const { path, sequences } = job;
  const failures: VerifyFailure[] = [];
  let total = 0;
  await readBlocks(job, (number, words) => {
    if (!job.checked) return;
    const reason = words === null ? 'is not there' : checkBlock(words, number, null);
    if (reason !== null) {
      total++;
      if (failures.length < FAILURES_LISTED_MAX) failures.push({ position: number * job.blockSize, reason });
    } else if (sequences !== null) {
      sequences[number] = readHeader(words!)!.sequence;
    }
  });
  if (total > 0) {
    throw new VerifyError(path, failures, total, 'Nothing was measured. --overwrite lays the file out anew.');
  }
  return sequences;
}

/** Reads the whole file and throws a VerifyError unless every block is in the version that `sequences` states. */
export async function verifyWritten(job: LayoutJob, sequences: Uint32Array): Promise<void> {
  const failures: VerifyFailure[] = [];
  let total = 0;
  await readBlocks(job, (number, words) => {
    const reason = words === null ? 'is not there' : checkBlock(words, number, sequences[number]);
    if (reason === null) return;
    total++;
    if (failures.length < FAILURES_LISTED_MAX) failures.push({ position: number * job.blockSize, reason });
  });
  if (total > 0) throw new VerifyError('after the writes', failures, total);
}

/** Calls `visit` with every block of the file in turn; null for one that the file is too short for. */
async function readBlocks(
  job: LayoutJob,
  visit: (number: number, words: Int32Array | null) => void,
): Promise<void> {
  const { path, blockSize, blocks } = job;
  const handle = await open(path, 'r');
  try {
    const { bytes, slots } = chunkOf(blockSize, blocks);
    for (let first = 0; first < blocks; first += slots.length) {
      job.interrupt.throwIfRequested();
      const count = Math.min(slots.length, blocks - first);
      const length = await readAll(handle, bytes.subarray(0, count * blockSize), first * blockSize);
      for (let i = 0; i < count; i++) visit(first + i, (i + 1) * blockSize <= length ? slots[i] : null);
      job.progress.update(() => progressLine('reading', path, first + count, job));
    }
  } finally {
    await handle.close();
  }
}

/** A buffer of about CHUNK_BYTES and its blocks as words. */
function chunkOf(blockSize: number, blocks: number): { bytes: Uint8Array; slots: Int32Array[] } {
  const count = Math.min(blocks, Math.max(1, Math.floor(CHUNK_BYTES / blockSize)));
  const bytes = new Uint8Array(count * blockSize);
  const slots = Array.from({ length: count }, (_, i) =>
    wordsOf(bytes.subarray(i * blockSize, (i + 1) * blockSize)),
  );
  return { bytes, slots };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

async function readAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) break; // end of the file
    done += bytesRead;
  }
  return done;
}

function progressLine(doing: string, path: string, blocks: number, job: LayoutJob): string {
  const percent = Math.floor((100 * blocks) / job.blocks);
  return `${doing} ${path}: ${percent} % of ${formatBytes(job.blocks * job.blockSize)}`;
}
