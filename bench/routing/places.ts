// The file systems of the grid: where temporary files are, tmpfs, and overlayfs, which is the root of every container.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileSystemOf } from '../machine.js';

export interface Place {
  /** the type, as /proc/self/mountinfo names it */
  readonly name: string;
  readonly folder: string;
  remove(): void;
}

/** All that this machine has; `absent` tells what is missing, and why. */
export function findPlaces(): { places: Place[]; absent: Record<string, string> } {
  const absent: Record<string, string> = {};
  const disk = folderIn(process.env.BENCH_DIR || tmpdir());
  const places = [disk];
  if (disk.name !== 'tmpfs') {
    if (existsSync('/dev/shm')) places.push(folderIn('/dev/shm'));
    else absent['tmpfs'] = 'no /dev/shm';
  }
  if (disk.name !== 'overlay') {
    try {
      places.push(overlayOn(disk.folder));
    } catch (error) {
      absent['overlay'] = `not mounted: ${(error as Error).message.trim().split('\n').at(-1)}`;
    }
  }
  return { places, absent };
}

function folderIn(parent: string): Place {
  const folder = mkdtempSync(join(parent, 'linux-aio-routing-'));
  const name = fileSystemOf(folder).split(' ')[0];
  return { name, folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function overlayOn(folder: string): Place {
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => {
    const path = join(folder, name);
    mkdirSync(path);
    return path;
  });
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, merged], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  return { name: 'overlay', folder: merged, remove: () => execFileSync('umount', ['-l', merged]) };
}
