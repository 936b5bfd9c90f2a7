// fallocate(2) and posix_fadvise(2): what becomes of a file's blocks, and of its pages in the cache.

import { ownedOf } from '../ring/requests.js';
import { checkOffset, invalidType, invalidValue, outOfRange } from '../ring/validate.js';
import { withRetries } from './attributes.js';
import type { Descriptor } from './descriptor.js';
import { systemError } from './errors.js';

export interface AllocateOptions {
  /** the file's size stays, even when blocks beyond its end are allocated */
  keepSize?: boolean;
  /** give the blocks back: the range reads as zeros. The size stays */
  punchHole?: boolean;
  /** the range reads as zeros, and its blocks stay allocated */
  zeroRange?: boolean;
}

/** linux/falloc.h */
const FALLOC = { KEEP_SIZE: 0x01, PUNCH_HOLE: 0x02, ZERO_RANGE: 0x10 } as const;

/**
 * @param offset first byte, 0 to 2^63-1
 * @param length bytes, at least 1
 * @throws ENOSPC, EFBIG, EOPNOTSUPP (a file system without the mode), EBADF (not open for writing)
 */
export async function allocate(
  descriptor: Descriptor,
  offset: number | bigint,
  length: number | bigint,
  options: AllocateOptions = {},
): Promise<void> {
  checkOffset('offset', offset, 0);
  checkOffset('length', length, 1);
  const mode = allocateMode(options);
  const { ring, fd, flags } = descriptor;
  const result = await withRetries(flags, () => {
    return new Promise((resolve) => void ownedOf(ring).fallocate(fd, mode, offset, length, resolve));
  });
  if (result < 0) throw systemError(result, 'fallocate');
}

function allocateMode(options: AllocateOptions): number {
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'of type object', options);
  const { keepSize = false, punchHole = false, zeroRange = false, ...unknown } = options;
  // A misspelt `punchHole` would allocate what was to be given back.
  const [misspelt] = Object.keys(unknown);
  if (misspelt !== undefined) {
    throw invalidValue(
      'options',
      options,
      `must have no other properties than keepSize, punchHole, zeroRange`,
    );
  }
  for (const [name, value] of Object.entries({ keepSize, punchHole, zeroRange })) {
    if (typeof value !== 'boolean') throw invalidType(`options.${name}`, 'of type boolean', value);
  }
  if (punchHole && zeroRange) {
    throw invalidValue('options', options, 'must not have both punchHole and zeroRange');
  }
  if (punchHole) return FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE; // the kernel demands both
  return (keepSize ? FALLOC.KEEP_SIZE : 0) | (zeroRange ? FALLOC.ZERO_RANGE : 0);
}

/** linux/fadvise.h; the same on x86-64 and arm64. */
const ADVICE = { normal: 0, random: 1, sequential: 2, willneed: 3, dontneed: 4, noreuse: 5 } as const;

export type Advice = keyof typeof ADVICE;

/** An entry of the ring has 32 bits for the length (64 only since Linux 6.10). */
const ADVISE_BYTES_MAX = 0x40000000;
/** Longer ranges than this many requests are advised to the end of the file. */
const ADVISE_REQUESTS_MAX = 1024;

/**
 * @param length bytes; 0 means to the end of the file
 * @throws ESPIPE for pipes
 */
export async function advise(
  descriptor: Descriptor,
  offset: number | bigint,
  length: number | bigint,
  advice: Advice,
): Promise<void> {
  checkOffset('offset', offset, 0);
  checkOffset('length', length, 0);
  if (typeof advice !== 'string') throw invalidType('advice', 'of type string', advice);
  if (!Object.hasOwn(ADVICE, advice)) {
    throw invalidValue('advice', advice, `must be one of: '${Object.keys(ADVICE).join("', '")}'`);
  }
  if (BigInt(offset) + BigInt(length) >= 2n ** 63n) {
    throw outOfRange('length', `<= ${2n ** 63n - 1n - BigInt(offset)}`, length);
  }
  const { ring, fd, flags } = descriptor;
  for (const range of ranges(BigInt(offset), BigInt(length))) {
    const result = await withRetries(flags, () => {
      return new Promise(
        (resolve) => void ownedOf(ring).fadvise(fd, range.offset, range.length, ADVICE[advice], resolve),
      );
    });
    if (result < 0) throw systemError(result, 'fadvise');
  }
}

function ranges(offset: bigint, length: bigint): { offset: bigint; length: number }[] {
  if (length > ADVISE_BYTES_MAX * ADVISE_REQUESTS_MAX) return [{ offset, length: 0 }];
  if (length <= ADVISE_BYTES_MAX) return [{ offset, length: Number(length) }];
  const step = BigInt(ADVISE_BYTES_MAX);
  const parts = [];
  for (let at = 0n; at < length; at += step) {
    parts.push({ offset: offset + at, length: Number(length - at < step ? length - at : step) });
  }
  return parts;
}
