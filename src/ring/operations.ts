// The kernel's operations: their kinds, and the names under which `Ring.operations`, `Ring.supports` and `doctor()` speak of
// them, which are those of the methods.
import { OP } from '../abi/io_uring.js';

const NAMES: Readonly<Record<string, number>> = {
  nop: OP.NOP,
  read: OP.READ,
  write: OP.WRITE,
  readv: OP.READV,
  writev: OP.WRITEV,
  fsync: OP.FSYNC,
  cancel: OP.ASYNC_CANCEL,
  openat: OP.OPENAT,
  close: OP.CLOSE,
  statx: OP.STATX,
  fallocate: OP.FALLOCATE,
  fadvise: OP.FADVISE,
  ftruncate: OP.FTRUNCATE,
  unlinkat: OP.UNLINKAT,
  renameat: OP.RENAMEAT,
  mkdirat: OP.MKDIRAT,
  symlinkat: OP.SYMLINKAT,
  linkat: OP.LINKAT,
  splice: OP.SPLICE,
  pollAdd: OP.POLL_ADD,
  timeout: OP.TIMEOUT,
  accept: OP.ACCEPT,
  connect: OP.CONNECT,
  send: OP.SEND,
  recv: OP.RECV,
  shutdown: OP.SHUTDOWN,
};

/** Whether the operation that the method of this name needs is served. */
export function hasOperation(isServed: (op: number) => boolean, name: string): boolean {
  return Object.hasOwn(NAMES, name) && isServed(NAMES[name]);
}

export function operationNames(isServed: (op: number) => boolean): string[] {
  return Object.keys(NAMES).filter((name) => isServed(NAMES[name]));
}

/** Whether the operation, without flags above it, moves bytes between a file and memory. */
export function isTransfer(op: number): boolean {
  return op === OP.READ || op === OP.WRITE || op === OP.READV || op === OP.WRITEV;
}
