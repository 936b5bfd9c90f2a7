// The file system of faultfs.c: compiled where it is needed, mounted for one part, killed when the power fails.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CC, compiledOnce } from '../support/compiled.js';
import { packageRoot } from '../support/program.js';
import { unsanitizedEnvironment } from '../support/sanitizers.js';

let program = '';
let reason: string | false | undefined;

/** Why the file system cannot be had here; false where it can. */
export function noFaultfs(): string | false {
  reason ??= compile();
  return reason;
}

function compile(): string | false {
  if (!fs.existsSync('/dev/fuse')) return 'no /dev/fuse here';
  if (process.getuid?.() !== 0 && !fs.existsSync('/usr/bin/fusermount3')) return 'no fusermount3 here';
  try {
    const fuse = (...options: string[]) =>
      execFileSync('pkg-config', [...options, 'fuse3'], { encoding: 'utf8', stdio: 'pipe' }).trim();
    const flags = ['-O1', ...fuse('--cflags', '--libs').split(/\s+/)];
    const source = join(packageRoot, 'test', 'torture', 'faultfs.c');
    program = compiledOnce('faultfs', [source], [...flags, fuse('--modversion')], (out) => {
      execFileSync(CC, ['-o', out, source, ...flags], { stdio: 'pipe' });
    });
    return false;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: Buffer };
    return `faultfs cannot be built here (libfuse3-dev): ${stderr?.toString().trim().split('\n')[0] || message}`;
  }
}

export class FaultFs {
  /** where files are used */
  readonly path: string;
  /** where they really are */
  readonly backing: string;
  readonly #server: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(path: string, backing: string, server: ChildProcess) {
    this.path = path;
    this.backing = backing;
    this.#server = server;
    this.#exited = once(server, 'exit');
  }

  /** Mounts one below `directory`, which keeps its files afterwards. */
  static async mount(directory: string, isVolatile = false, keepsNames = false): Promise<FaultFs> {
    const path = join(directory, 'faulty');
    const backing = join(directory, 'backing');
    fs.mkdirSync(path, { recursive: true });
    fs.mkdirSync(backing, { recursive: true });
    const device = fs.statSync(path).dev;
    const server = spawn(program, [backing, path, isVolatile ? 'volatile' : keepsNames ? 'names' : ''], {
      stdio: 'ignore',
      env: unsanitizedEnvironment(),
    });
    const mounted = new FaultFs(path, backing, server);
    while (fs.statSync(path).dev === device) {
      if (server.exitCode !== null) throw new Error(`faultfs ended with code ${server.exitCode}`);
      await sleep(2);
    }
    return mounted;
  }

  /** What hangs goes on. */
  release(): void {
    fs.mkdirSync(join(this.path, 'release'));
  }

  /** The power fails: everything in progress, and whatever was not synced, is gone. */
  async kill(): Promise<void> {
    this.#server.kill('SIGKILL');
    await this.#exited;
  }

  async unmount(): Promise<void> {
    execFileSync('umount', ['-l', this.path], { stdio: 'pipe' });
    if (this.#server.exitCode === null && this.#server.signalCode === null) {
      this.#server.kill('SIGTERM');
      await this.#exited;
    }
  }
}
