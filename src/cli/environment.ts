// Where a benchmark ran: without it a figure means nothing.
import { statfsSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export interface Environment {
  kernel: string;
  node: string;
  arch: string;
  cpu: string;
  /** Processors this process may use. */
  cpus: number;
  memoryBytes: number;
  /** Type of the file system the file is on. */
  fileSystem: string;
}

/** f_type of statfs(2), from include/uapi/linux/magic.h and the file systems' own sources. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4', // ext2 and ext3 have the same number; ext4 serves them all today
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  4076150800: 'f2fs',
  801189825: 'zfs',
  3393526350: 'bcachefs',
  26985: 'nfs',
  4283649346: 'cifs',
  16914839: '9p',
  1702057286: 'fuse',
  2240043254: 'ramfs',
};

export function environmentOf(path: string): Environment {
  return {
    kernel: release(),
    node: process.version,
    arch: process.arch,
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    fileSystem: fileSystemOf(path),
  };
}

/** The name of the file system, or its number in hexadecimal where it has none here. */
export function fileSystemOf(path: string): string {
  try {
    // Some systems give the number as a negative 32-bit integer.
    const type = statfsSync(path).type >>> 0;
    return FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`;
  } catch {
    return 'unknown';
  }
}
