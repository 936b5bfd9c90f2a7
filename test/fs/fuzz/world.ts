// Where the fuzzer's calls happen: one directory per player, the same in all of them, and what has been opened there.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One of the players: Node's modules, or ours. */
export interface Player {
  readonly name: string;
  readonly fs: typeof fs;
  readonly promises: typeof fs.promises;
}

export const SLOTS = 3;
/** Nobody has this many descriptors open: a number that surely is none. */
export const CLOSED_FD = 99_000;

export interface World {
  readonly player: Player;
  readonly directory: string;
  /** handles of fs/promises; the closed ones stay, to be used in vain */
  readonly handles: (FileHandle | undefined)[];
  /** descriptors for the callback functions */
  readonly fds: number[];
  /** every handle ever opened here, so that none is left to the garbage collector */
  readonly opened: FileHandle[];
}

/** Bytes that tell where they came from; half of them no valid UTF-8. */
export function pattern(length: number, mark: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + mark * 31) & (mark & 1 ? 255 : 127)));
}

export const FIFOS = ['fifo1', 'fifo2'];

/** Both players play in the same place, one after the other: paths are in results and in messages. */
export const base = fs.mkdtempSync(join(tmpdir(), 'fs-fuzz-'));
process.on('exit', () => fs.rmSync(base, { recursive: true, force: true }));

const elsewhere = process.cwd();

export function createWorld(player: Player): World {
  const directory = join(base, 'world');
  fs.mkdirSync(directory);
  process.chdir(directory); // text in place of a descriptor is a relative path
  const path = (name: string) => join(directory, name);
  fs.writeFileSync(path('a'), pattern(20_000, 1));
  fs.writeFileSync(path('b'), 'zwölf Boxkämpfer jagen Viktor\n'.repeat(40));
  fs.writeFileSync(path('big'), pattern(700_001, 3));
  fs.writeFileSync(path('empty'), '');
  fs.mkdirSync(path('folder/inner'), { recursive: true });
  fs.writeFileSync(path('folder/file'), 'inside');
  fs.writeFileSync(path('folder/inner/deep'), 'deeper');
  fs.symlinkSync('a', path('link'));
  fs.symlinkSync('folder', path('dirlink'));
  fs.symlinkSync('nowhere', path('dangling'));
  fs.symlinkSync('loop', path('loop'));
  execFileSync('mkfifo', FIFOS.map(path));
  return {
    player,
    directory,
    handles: Array(SLOTS).fill(undefined),
    fds: Array.from({ length: SLOTS }, (_, i) => CLOSED_FD + i),
    opened: [],
  };
}

/** Closes what is open, and tells what the directory has become. */
export async function finishWorld(world: World): Promise<unknown[]> {
  for (const handle of world.opened) await handle.close().catch(() => {});
  for (const fd of world.fds) if (fd < CLOSED_FD) fs.closeSync(fd);
  const left = describe(world.directory);
  process.chdir(elsewhere);
  fs.rmSync(world.directory, { recursive: true, force: true });
  return left;
}

function describe(directory: string): unknown[] {
  return fs
    .readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((entry) => {
      const path = join(directory, entry.name);
      const { mode, size, nlink, uid, gid } = fs.lstatSync(path);
      const common = [entry.name, mode.toString(8), nlink, uid, gid];
      if (entry.isDirectory()) return [...common, describe(path)];
      if (entry.isSymbolicLink()) return [...common, fs.readlinkSync(path)];
      return entry.isFile() ? [...common, size, fs.readFileSync(path)] : common;
    });
}
