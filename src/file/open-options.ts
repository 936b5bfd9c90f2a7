// What `open` and `File.fromFd` have in common: their options, and the flags of a descriptor that is there already.
import { readFileSync } from 'node:fs';
import { defaultRing } from '../ring/default.js';
import { Ring } from '../ring/ring.js';
import { invalidType } from '../ring/validate.js';
import { refuseUnknown } from './errors.js';

export interface OpenOptions {
  /** the ring that does this file's I/O; the thread's own by default */
  ring?: Ring;
  /** O_DIRECT: past the page cache, with the alignment that `file.alignment` tells */
  direct?: boolean;
}

const OPTION_NAMES = ['ring', 'direct'];

export function checkOpenOptions(options: OpenOptions | undefined): { ring: Ring; direct: boolean } {
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw invalidType('options', 'of type object', options);
  }
  if (options !== undefined) refuseUnknown(options, OPTION_NAMES);
  const { ring, direct = false } = options ?? {};
  if (typeof direct !== 'boolean') throw invalidType('options.direct', 'of type boolean', direct);
  if (ring !== undefined && !(ring instanceof Ring)) {
    throw invalidType('options.ring', 'an instance of Ring', ring);
  }
  return { ring: ring ?? defaultRing(), direct };
}

/** The flags of open(2) of an open descriptor (proc_pid_fdinfo(5)); -1 where there is no /proc. */
export function flagsOf(fd: number): number {
  try {
    const match = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
    return match ? Number.parseInt(match[1], 8) : -1;
  } catch {
    return -1;
  }
}
