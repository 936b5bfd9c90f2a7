// A block device that is slow: ext4 on a loop device, to which a control group allows so many bytes a second, and the
// processes in that group. Direct transfers wait for the device themselves; buffered ones do in fsync.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { faultPart } from './faults.js';
import type { Part } from './part.js';

const DISK_BYTES = 32 << 20;
const BYTES_PER_SECOND = 1 << 20; // a second for what a case moves at once: the rest goes on within it on any machine
/** The block I/O controller of control groups of version 1: it needs no other controller to be delegated. */
const BLKIO = '/sys/fs/cgroup/blkio';
const LIMITS = ['blkio.throttle.read_bps_device', 'blkio.throttle.write_bps_device'];
const env = { ...process.env, PATH: `${process.env['PATH']}:/sbin:/usr/sbin` };
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe', env }).trim();

interface Device {
  path: string;
  group: string;
  close(): Promise<void>;
}

function openDevice(directory: string): Device {
  const image = join(directory, 'slow.img');
  const path = join(directory, 'slow');
  fs.mkdirSync(path);
  fs.writeFileSync(image, '');
  fs.truncateSync(image, DISK_BYTES);
  run('mkfs.ext4', '-q', '-m', '0', image);
  const device = run('losetup', '-f', '--show', image);
  run('mount', device, path);
  const number = run('lsblk', '-ndo', 'MAJ:MIN', device);
  const group = join(BLKIO, `linux-aio-torture-${process.pid}-${Date.now()}`);
  const close = async (): Promise<void> => {
    run('umount', '-l', path);
    run('losetup', '-d', device);
    for (let i = 0; i < 100 && fs.existsSync(group); i++) {
      try {
        fs.rmdirSync(group);
      } catch {
        await sleep(20); // the last process in it has not been reaped yet
      }
    }
  };
  fs.mkdirSync(group);
  for (const limit of LIMITS) fs.writeFileSync(join(group, limit), `${number} ${BYTES_PER_SECOND}`);
  return { path, group, close };
}

let reason: string | false | undefined;

/** Why there is none here; false where there is. */
function noSlowDevice(): string | false {
  reason ??= tryDevice();
  return reason;
}

function tryDevice(): string | false {
  if (process.getuid?.() !== 0) return 'only root mounts file systems';
  if (!LIMITS.every((limit) => fs.existsSync(join(BLKIO, limit))))
    return `no limits for block devices at ${BLKIO}`;
  const directory = fs.mkdtempSync('/tmp/linux-aio-');
  try {
    const { path, group, close } = openDevice(directory);
    fs.statSync(path);
    fs.statSync(group);
    void close();
    return false;
  } catch (error) {
    return `no loop device with a limit can be had here: ${(error as Error).message.split('\n')[0]}`;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

export const slowDevices: readonly Part[] = [
  faultPart(
    'faults/slow-device',
    'on a device that is throttled requests take their time and are right, and the rest goes on',
    noSlowDevice,
    (directory) => {
      const { path, group, close } = openDevice(directory);
      const limits = `echo $$ > ${join(group, 'cgroup.procs')}`;
      return { faulty: path, surroundings: () => ({ limits }), close };
    },
  ),
];
