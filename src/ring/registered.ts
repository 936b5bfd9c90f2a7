// Buffers and files registered with the kernel, in tables of the ring that are made empty on first use and filled
// entry by entry (Linux 5.19). Nothing depends on them: a refusal only costs the speed.
//
//   buffers: their pages are pinned once instead of once per request: 120 of 830 ns of a cached 4 KiB read. They
//            count against RLIMIT_MEMLOCK.
//   files:   the descriptor is looked up once instead of once per request: 55 of 650 ns.
//
// (C on a raw ring, depth 128, Linux 6.18.)
//
// BufferPool registers its memory; a small buffer that is used again and again is registered by itself, within a
// budget that leaves the locked-memory limit (8 MiB by default) to others.
import { release } from 'node:os';
import { types } from 'node:util';
import { addressOf, memoryOf } from './memory.js';

/** `struct io_uring_rsrc_register` and `struct io_uring_rsrc_update2` are 32 bytes each. */
const STRUCT_BYTES = 32;
const SPARSE = 1; // IORING_RSRC_REGISTER_SPARSE
const REGISTER_FILES2 = 13;
const REGISTER_FILES_UPDATE2 = 14;
const REGISTER_BUFFERS2 = 15;
const REGISTER_BUFFERS_UPDATE = 16;
const FILES = 64;
const BUFFERS = 256;
/** The kernel's limit for one registered buffer. */
const BYTES_MAX = 2 ** 30;
/** A buffer that is not a pool's is registered after this many transfers: they have paid for it by then … */
export const REGISTER_AFTER = 64;
/** … and as long as all of those together are at most this many bytes. */
const CONSIDERED_BYTES_MAX = 2 ** 20;

/**
 * Registered buffers lost the last byte of a page before 6.1.65 and 6.6.4 (liburing#994), and leaked pages later. This
 * costs only speed, so a version will do where everything else here goes by trying.
 */
const BUFFERS_SINCE = [6, 7];

function buffersAreSound(): boolean {
  const [major, minor] = release().split('.').map(Number);
  return major > BUFFERS_SINCE[0] || (major === BUFFERS_SINCE[0] && minor >= BUFFERS_SINCE[1]);
}

/** `io_uring_register` of one ring: the result or -errno. */
export type Register = (opcode: number, argument: ArrayBuffer, count: number) => number;

/** A table of one kind, and its free indices. */
class Table {
  readonly #register: Register | null;
  readonly #open: number;
  readonly #update: number;
  readonly #entries: number;
  /** one entry's data: an iovec, or a descriptor */
  readonly #data = new BigUint64Array(2);
  readonly #dataAddress: bigint;
  #free: number[] | null = null; // null: not tried yet

  constructor(register: Register | null, entries: number, open: number, update: number) {
    this.#register = register;
    this.#entries = entries;
    this.#dataAddress = BigInt(addressOf(this.#data));
    this.#open = open;
    this.#update = update;
  }

  /** Fills a free entry from two 64-bit words: its index, or -1. */
  add(first: bigint, second: bigint): number {
    this.#free ??= this.#make();
    const index = this.#free.at(-1);
    if (index === undefined || this.#set(index, first, second) < 0) return -1;
    this.#free.pop();
    return index;
  }

  /** Empties an entry. Requests in flight keep what was in it until they are done. */
  remove(index: number, empty: bigint): void {
    this.#set(index, empty, 0n);
    this.#free!.push(index);
  }

  #make(): number[] {
    const table = new Uint32Array(STRUCT_BYTES / 4);
    table[0] = this.#entries;
    table[1] = SPARSE;
    const made = this.#register !== null && this.#register(this.#open, table.buffer, STRUCT_BYTES) >= 0;
    return made ? Array.from({ length: this.#entries }, (_, i) => this.#entries - 1 - i) : [];
  }

  #set(index: number, first: bigint, second: bigint): number {
    this.#data[0] = first;
    this.#data[1] = second;
    const update = new ArrayBuffer(STRUCT_BYTES);
    new Uint32Array(update)[0] = index;
    new BigUint64Array(update)[1] = this.#dataAddress;
    new Uint32Array(update)[6] = 1;
    return this.#register!(this.#update, update, STRUCT_BYTES);
  }
}

export class RegisteredBuffers {
  readonly #table: Table;
  #consideredBytes = 0;
  /** Gives an entry back when its buffer has been collected. */
  readonly #collected = new FinalizationRegistry<{ index: number; bytes: number }>(({ index, bytes }) => {
    this.#consideredBytes -= bytes;
    this.#table.remove(index, 0n);
  });

  constructor(register: Register | null) {
    const sound = register !== null && buffersAreSound();
    this.#table = new Table(sound ? register : null, BUFFERS, REGISTER_BUFFERS2, REGISTER_BUFFERS_UPDATE);
  }

  /** A buffer is used again and again: registers it if it is small, stays where it is, and fits the budget. */
  consider(buffer: ArrayBufferLike): void {
    // A resizable buffer gives pages back and takes new ones; the kernel would go on using the old ones.
    if (!types.isArrayBuffer(buffer) || buffer.resizable) return;
    const bytes = buffer.byteLength;
    if (this.#consideredBytes + bytes > CONSIDERED_BYTES_MAX || !this.add(buffer)) return;
    this.#consideredBytes += bytes;
    this.#collected.register(buffer, { index: memoryOf(buffer).registeredIndex, bytes });
  }

  /** Registers the whole of `buffer`. False when the engine or a limit does not allow it. */
  add(buffer: ArrayBuffer): boolean {
    const memory = memoryOf(buffer);
    const { byteLength } = buffer;
    if (memory.registeredWith !== null || byteLength === 0 || byteLength > BYTES_MAX) return false;
    const index = this.#table.add(BigInt(memory.address), BigInt(byteLength));
    if (index < 0) return false;
    memory.registeredWith = this;
    memory.registeredIndex = index;
    return true;
  }

  /** Undoes `add`. */
  remove(buffer: ArrayBuffer): void {
    const memory = memoryOf(buffer);
    if (memory.registeredWith !== this) return;
    this.#table.remove(memory.registeredIndex, 0n);
    memory.registeredWith = null;
    memory.registeredIndex = -1;
  }
}

export class RegisteredFiles {
  readonly #table: Table;

  constructor(register: Register | null) {
    this.#table = new Table(register, FILES, REGISTER_FILES2, REGISTER_FILES_UPDATE2);
  }

  /** Registers an open descriptor: its index, or -1. */
  add(fd: number): number {
    return this.#table.add(BigInt(fd), 0n); // its lower half is the int that the kernel reads
  }

  remove(index: number): void {
    this.#table.remove(index, 0xffffffffn);
  }
}
