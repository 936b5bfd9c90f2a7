// Writing one submission entry, word by word: 12 stores of 32 bits. BigUint64Array would cost ten times as much for
// the same bytes, and almost every 64-bit field is a number below 2^53 here.
import { SQE_WORD } from '../abi/io_uring.js';

/**
 * @param opAndFlags opcode, and the entry's flags shifted left by 8
 * @param offset `off`/`addr2`: an integer up to 2^53, -1, or a bigint
 * @param addressLow `addr`, its lower 32 bits; as integers, because a number beyond 2^31 would be allocated
 */
export function writeEntry(
  words: Int32Array,
  w: number,
  opAndFlags: number,
  fd: number,
  offset: number | bigint,
  addressLow: number,
  addressHigh: number,
  length: number,
  arg: number,
  slot: number,
  generation: number,
): void {
  words[w + SQE_WORD.OP_FLAGS] = opAndFlags;
  words[w + SQE_WORD.FD] = fd;
  if (typeof offset === 'number') {
    words[w + SQE_WORD.OFF_LO] = offset | 0;
    // Below 2^31 the upper half is the sign; division would be right too, but not for -1.
    words[w + SQE_WORD.OFF_HI] = offset < 0x80000000 ? offset >> 31 : (offset / 0x100000000) | 0;
  } else {
    words[w + SQE_WORD.OFF_LO] = low(offset);
    words[w + SQE_WORD.OFF_HI] = high(offset);
  }
  words[w + SQE_WORD.ADDR_LO] = addressLow;
  words[w + SQE_WORD.ADDR_HI] = addressHigh;
  words[w + SQE_WORD.LEN] = length;
  words[w + SQE_WORD.OP_ARG] = arg;
  words[w + SQE_WORD.USER_LO] = slot;
  words[w + SQE_WORD.USER_HI] = generation;
}

/** The lower 32 bits of a 64-bit field. */
export function low(value: number | bigint): number {
  return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value));
}

/** The upper 32 bits of a 64-bit field; a number is an address here, never negative. */
export function high(value: number | bigint): number {
  return typeof value === 'number' ? (value / 0x100000000) | 0 : Number(BigInt.asIntN(32, value >> 32n));
}
