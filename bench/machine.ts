// What the figures were taken on: without it they mean nothing.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as os from 'node:os';

export interface Machine {
  date: string;
  commit?: string;
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  fileSystem: string;
  node: string;
  libuvThreads: number;
  compiler?: string;
  /** what the ring of our contestants runs on */
  engine?: string;
  /** load average over the minute before the run: above a few tenths, somebody else was working */
  load: number;
}

export function describeMachine(folder: string): Machine {
  const [cpu] = os.cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: quiet('git', ['rev-parse', '--short', 'HEAD']),
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: os.release(),
    fileSystem: fileSystemOf(folder),
    node: process.version,
    libuvThreads: Number(process.env.UV_THREADPOOL_SIZE || 4),
    compiler: quiet(process.env.CC || 'cc', ['--version'])?.split('\n')[0],
    load: Number(os.loadavg()[0].toFixed(2)),
  };
}

/** The type and kind of device below a folder: the longest mount point that contains it. */
export function fileSystemOf(folder: string): string {
  let best = { point: '', type: 'unknown', source: '' };
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    // id parent major:minor root POINT options … - TYPE SOURCE superoptions
    const [before, after] = line.split(' - ');
    if (!after) continue;
    const point = before.split(' ')[4];
    const [type, source] = after.split(' ');
    const inside = folder === point || folder.startsWith(point.endsWith('/') ? point : `${point}/`);
    if (inside && point.length >= best.point.length) best = { point, type, source };
  }
  return best.source.startsWith('/dev/') ? `${best.type} on ${best.source}` : best.type;
}

function quiet(program: string, args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
