// Transfers between a file and one view, which most requests are: READ and WRITE. Here a view becomes an address, and
// is kept from being read or written by the engine outside its memory; core.ts does the rest.
//
// The three ways to make one differ in who gets the result: a callback (`startTransfer`), the caller at once if it is
// there (`transfer`), or a callback for what a worker shall do (`readvByWorker`).
import { OP, SQE } from '../abi/io_uring.js';
import type { RingCore } from './core.js';
import { high, low } from './entry.js';
import { giveIovec, iovecOf } from './iovec.js';
import {
  addressOf,
  borrow,
  bufferOf,
  byteOffsetOf,
  giveBack,
  type HeldMemory,
  isInside,
  outside,
} from './memory.js';
import { REGISTER_AFTER } from './registered.js';
import { OPCODE_MASK, servedByWorker } from './routing.js';
import { type Done, ignore, OWN_POSITION, STATE, TRAIT } from './slots.js';

/** What `transfer` returns when the result is not in hand: no system call returns this. */
export const PENDING = -0x80000000;

const INT32_MAX = 0x7fffffff;

/**
 * A request for a transfer between a file and `length` bytes of a view: OP.READ or OP.WRITE.
 *
 * @returns its slot, as `RingCore.request`
 * @throws RangeError when the bytes are not all inside the view's memory
 */
export function startTransfer(
  core: RingCore,
  op: number,
  fd: number,
  view: ArrayBufferView,
  byteOffset: number,
  length: number,
  position: number | bigint,
  traits: number,
  done: Done,
): number {
  const { router } = core;
  const buffer = bufferOf(view);
  const memory = borrow(buffer);
  try {
    const start = byteOffsetOf(view) + byteOffset;
    if (!isInside(memory, start, length)) throw outside(memory, start + length);
    const kind = router.kinds.of(fd);
    // With flags above the opcode the caller has chosen who serves it.
    const isRouted = (op & ~OPCODE_MASK) === 0;
    if (isRouted) traits |= router.ofTransfer(op, kind, length, traits);
    let bufferIndex = 0;
    if ((traits & TRAIT.POOL) !== 0 || !isRouted) {
      traits |= TRAIT.LATE;
    } else if (memory.registeredWith === core.registered) {
      // Memory that this ring has registered is used without pinning its pages again.
      bufferIndex = memory.registeredIndex;
      op = op === OP.READ ? OP.READ_FIXED : OP.WRITE_FIXED;
    } else if (++memory.uses === REGISTER_AFTER) {
      core.registered.consider(buffer);
    }
    if (isRouted && servedByWorker(kind, length, router.batchBytes)) {
      op |= SQE.ASYNC << 8;
      traits |= TRAIT.LATE;
    } else if (isRouted && (traits & TRAIT.POOL) === 0) {
      router.batchBytes += length;
    }
    // In halves: an address is beyond 2^31, and as one number it would be allocated.
    let addressLow = (memory.addressLow + start) | 0;
    let addressHigh = memory.addressHigh + (addressLow >>> 0 < memory.addressLow >>> 0 ? 1 : 0);
    if (start > INT32_MAX) {
      addressLow = low(memory.address + start);
      addressHigh = high(memory.address + start);
    }
    const slot = core.request(
      op,
      fd,
      position,
      addressLow,
      addressHigh,
      length,
      0,
      traits,
      view,
      done,
      0,
      bufferIndex,
    );
    core.slots.borrowed[slot] = memory;
    return slot;
  } catch (error) {
    giveBack(memory);
    throw error;
  }
}

/**
 * One transfer on a descriptor that nobody closes before its completion. Returns the result when it is in hand at
 * once (cached data, and the turn's budget not spent), else PENDING: then `core.pendingId` names the request, and
 * `core.onDone` must be called before anything else happens. Nothing is checked here.
 *
 * @param byteOffset within the view
 */
export function transfer(
  core: RingCore,
  op: number,
  fd: number,
  view: ArrayBufferView,
  byteOffset: number,
  length: number,
  position: number | bigint,
): number {
  let traits = op === OP.WRITE ? TRAIT.WRITE : 0;
  if (position === -1) traits |= OWN_POSITION;
  const slot = startTransfer(core, op, fd, view, byteOffset, length, position, traits, ignore);
  const { slots, delivery } = core;
  if (slots.state[slot] === STATE.COMPLETED && delivery.mayReturnNow) return delivery.take(slot);
  core.pendingId = slots.id(slot);
  return PENDING;
}

/**
 * A read that is not wanted yet, into several buffers, one after the other: by a worker of the pool, where there is one,
 * else of the kernel. As for `transfer`, nobody closes the descriptor before its completion.
 *
 * @param bytes of all of them
 * @returns the request's number
 */
export function readvByWorker(
  core: RingCore,
  fd: number,
  views: readonly ArrayBufferView[],
  bytes: number,
  position: number,
  done: Done,
): number {
  const { ports } = core;
  const traits = (ports.routes && ports.companion !== null ? TRAIT.POOL : 0) | TRAIT.LATE;
  const op = OP.READV | (SQE.ASYNC << 8);
  return startVector(core, op, fd, views, bytes, position, traits, done);
}

/**
 * A request for a transfer between a file and several buffers: OP.READV or OP.WRITEV.
 *
 * @param views nobody else's: they are kept until the completion
 * @param bytes of all of them
 * @returns the request's number
 */
export function startVector(
  core: RingCore,
  op: number,
  fd: number,
  views: readonly ArrayBufferView[],
  bytes: number,
  position: number | bigint,
  traits: number,
  done: Done,
): number {
  const borrowed: HeldMemory[] = [];
  try {
    const vector = iovecOf(views, borrowed);
    const over: Done = (result) => {
      giveIovec(vector);
      for (const memory of borrowed) giveBack(memory);
      done(result);
    };
    const keep = [vector, views];
    return core.start(op, fd, position, addressOf(vector), views.length, 0, traits, keep, over, 0, bytes);
  } catch (error) {
    borrowed.forEach(giveBack);
    throw error;
  }
}
