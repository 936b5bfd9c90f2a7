// Programs run as a container or a hardened system would, by launcher.c.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { packageRoot } from '../support/program.js';

const CC = process.env['CC'] ?? 'cc';
const folder = fs.mkdtempSync(join(tmpdir(), 'linux-aio-'));
const launcher = join(folder, 'launcher');
process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

/** Why there is no launcher; false where there is one. */
export const NO_LAUNCHER: string | false = compiled();
/** Why a program cannot be run as another user; false where it can. */
export const NOT_ROOT: string | false = NO_LAUNCHER || asNobody();

function compiled(): string | false {
  try {
    fs.chmodSync(folder, 0o755); // also for nobody
    execFileSync(CC, ['-O1', '-o', launcher, join(packageRoot, 'test', 'container', 'launcher.c')], {
      stdio: 'pipe',
    });
    execFileSync(launcher, ['--io-uring=EPERM', '--', 'true'], { stdio: 'pipe' });
    return false;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: Buffer };
    return `the launcher cannot be had here: ${stderr?.toString().trim() || message}`;
  }
}

function asNobody(): string | false {
  if (process.getuid?.() !== 0) return 'only root becomes somebody else';
  try {
    const program = `require(${JSON.stringify(join(packageRoot, 'package.json'))})`;
    execFileSync(launcher, ['--user=65534', '--', process.execPath, '-e', program], { stdio: 'pipe' });
    return false;
  } catch {
    return 'Node, or this folder, is for root only';
  }
}

/** A command's first words: `launcher --io-uring=EPERM --`. */
export const launched = (...options: string[]): string[] => [launcher, ...options, '--'];
