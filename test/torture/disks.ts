// Small file systems of their own: on loop devices and in memory, with little room left so that little has to be written.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** `make`: the command that makes one in an image file; null where it lives in memory */
const DISKS = {
  ext4: { bytes: 16 << 20, make: ['mkfs.ext4', '-q', '-m', '0'] },
  xfs: { bytes: 300 << 20, make: ['mkfs.xfs', '-q'] },
  tmpfs: { bytes: 4 << 20, make: null },
  // Of the quotas that there are, those of btrfs bind root too, and need no tool but its own.
  btrfs: { bytes: 256 << 20, make: ['mkfs.btrfs', '-q'] },
} as const;
const LEFT_BYTES = 3 << 20;

export type DiskKind = keyof typeof DISKS;

const env = { ...process.env, PATH: `${process.env['PATH']}:/sbin:/usr/sbin` };
const run = (program: string, ...args: string[]): void =>
  void execFileSync(program, args, { stdio: 'pipe', env });

/** Mounts one below `directory`. */
export function mountDisk(kind: DiskKind, directory: string): { path: string; close(): void } {
  const { bytes, make } = DISKS[kind];
  const path = join(directory, kind);
  fs.mkdirSync(path);
  const close = (): void => run('umount', '-l', path);
  if (make === null) {
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path);
    return { path, close };
  }
  const image = join(directory, `${kind}.img`);
  fs.closeSync(fs.openSync(image, 'w'));
  fs.truncateSync(image, bytes);
  const [program, ...args] = make;
  run(program, ...args, image);
  run('mount', '-o', 'loop', image, path);
  try {
    return { path: kind === 'btrfs' ? underQuota(path) : almostFull(path), close };
  } catch (error) {
    close();
    throw error;
  }
}

function almostFull(path: string): string {
  const { bavail, bsize } = fs.statfsSync(path);
  const ballast = bavail * bsize - LEFT_BYTES;
  if (ballast > 0) run('fallocate', '-l', String(ballast), join(path, 'ballast'));
  return path;
}

function underQuota(path: string): string {
  const limited = join(path, 'limited');
  run('btrfs', 'quota', 'enable', path);
  run('btrfs', 'subvolume', 'create', limited);
  run('btrfs', 'qgroup', 'limit', String(LEFT_BYTES), limited);
  return limited;
}

const mountable = new Map<DiskKind, string | false>();

/** Why such a file system cannot be mounted here; false where it can. */
export function cannotMount(kind: DiskKind): string | false {
  if (!mountable.has(kind)) mountable.set(kind, tryMount(kind));
  return mountable.get(kind)!;
}

function tryMount(kind: DiskKind): string | false {
  if (process.getuid?.() !== 0) return 'only root mounts file systems';
  const directory = fs.mkdtempSync('/tmp/linux-aio-');
  try {
    mountDisk(kind, directory).close();
    return false;
  } catch (error) {
    return `no ${kind} can be mounted here: ${(error as Error).message.split('\n')[0]}`;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}
