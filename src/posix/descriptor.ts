// What a descriptor number means at the moment of a call: nothing may be remembered of a number, for the program can
// close it and open another file under it between any two calls.
import { constants } from 'node:fs';
import { FILE_WORD, FILE_WORDS, native } from '../abi/native.js';
import { EBADF } from './constants.js';
import type { FileIdentity } from './request.js';

const words = new Int32Array(FILE_WORDS);

/** The descriptor last looked at. One object, overwritten by every look. */
export const described: FileIdentity & { fd: number; flags: number; isSeekable: boolean } = {
  /** -1: none */
  fd: -1,
  /** as of open(2) and fcntl(2) */
  flags: 0,
  /** has positions: a file, a block device, /dev/null; not a pipe, socket or terminal */
  isSeekable: false,
  deviceMajor: 0,
  deviceMinor: 0,
  inodeLow: 0,
  inodeHigh: 0,
};

/** A call begins that may look at the same descriptor several times: it looks anew at first. */
export function forgetDescribed(): void {
  described.fd = -1;
}

/** As `describe`, for a call that looks at the same descriptor several times. */
export function describeOnce(fd: number): number {
  return fd === described.fd && fd !== -1 ? 0 : describe(fd);
}

/** Looks at a descriptor: 0, or EBADF. */
export function describe(fd: number): number {
  described.fd = -1;
  if (fd >>> 0 !== fd || fd > 0x7fffffff) return EBADF;
  const error = native().describe(fd, words.buffer);
  if (error < 0) return -error;
  described.fd = fd;
  described.flags = words[FILE_WORD.FLAGS];
  described.isSeekable = words[FILE_WORD.SEEKABLE] !== 0;
  described.deviceMajor = words[FILE_WORD.DEVICE_MAJOR];
  described.deviceMinor = words[FILE_WORD.DEVICE_MINOR];
  described.inodeLow = words[FILE_WORD.INODE_LOW];
  described.inodeHigh = words[FILE_WORD.INODE_HIGH];
  return 0;
}

export function isNonBlocking(flags: number): boolean {
  return (flags & constants.O_NONBLOCK) !== 0;
}

export function isAppending(flags: number): boolean {
  return (flags & constants.O_APPEND) !== 0;
}
