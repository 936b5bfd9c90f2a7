// Writing one submission entry, word by word: 12 stores of 32 bits. BigUint64Array would cost ten times as much for
// the same bytes, and almost every 64-bit field is a number below 2^53 here.
import { SQE_WORD } from '../abi/io_uring.js';

/**
 * @param opAndFlags opcode, and the entry's flags shifted left by 8
 * @param offset `off`/`addr2`: an integer up to 2^53, -1, or a bigint
 * @param address `addr`: an address, or 64 bits of something else as a bigint
 */
export function writeEntry(
  words: Int32Array,
  w: number,
  opAndFlags: number,
  fd: number,
  offset: number | bigint,
  address: number | bigint,
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
  if (typeof address === 'number') {
    words[w + SQE_WORD.ADDR_LO] = address | 0;
    words[w + SQE_WORD.ADDR_HI] = (address / 0x100000000) | 0;
  } else {
    words[w + SQE_WORD.ADDR_LO] = low(address);
    words[w + SQE_WORD.ADDR_HI] = high(address);
  }
  words[w + SQE_WORD.LEN] = length;
  words[w + SQE_WORD.OP_ARG] = arg;
  words[w + SQE_WORD.USER_LO] = slot;
  words[w + SQE_WORD.USER_HI] = generation;
}

function low(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

function high(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}
