// The parent's side of a contestant: a child process that is told over its standard input which slice to run next, or,
// for C, a program compiled on the spot and started for each slice.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Contestant } from './contestants/index.js';
import type { Answer } from './host.js';
import type { Outcome, Slice } from './slice.js';
import type { Workload } from './workload.js';

export interface Runner {
  run(slice: Slice): Promise<Outcome>;
  /** resolves to a complaint, if there is one */
  close(): Promise<string | undefined>;
  kill(): void;
}

/** Longer than this and the contestant hangs. */
const patience = (slice: Slice) => slice.milliseconds * 10 + 30_000;

export class Host implements Runner {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = '';
  hello = '';

  private constructor(contestant: Contestant) {
    const [program, ...args] = contestant.runtime ?? [process.execPath, '--enable-source-maps'];
    const script = fileURLToPath(new URL('./host.js', import.meta.url));
    this.#process = spawn(program, [...args, script, contestant.module!, contestant.door!], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process.on('error', (error) => {
      this.#errors += error.message;
    });
    this.#process.stdin!.on('error', () => {}); // the child has died: #answer says so
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  static async start(contestant: Contestant): Promise<Host> {
    const host = new Host(contestant);
    const answer = await host.#answer(30_000);
    if (!('hello' in answer)) throw new Error('no hello');
    host.hello = answer.hello;
    return host;
  }

  async run(slice: Slice): Promise<Outcome> {
    this.#process.stdin!.write(`${JSON.stringify(slice)}\n`);
    const answer = await this.#answer(patience(slice));
    if ('error' in answer) throw new Error(answer.error);
    if (!('outcome' in answer)) throw new Error('no outcome');
    return answer.outcome;
  }

  async #answer(milliseconds: number): Promise<Answer> {
    const stop = new AbortController();
    const timeout = delay(milliseconds, undefined, { signal: stop.signal }).then(
      () => 'timeout' as const,
      () => 'stopped' as const,
    );
    const line = await Promise.race([this.#lines.next(), timeout]);
    stop.abort();
    if (typeof line === 'string') {
      this.kill();
      throw new Error(`no answer within ${milliseconds / 1000} s`);
    }
    if (line.done) {
      if (this.#process.exitCode === null && this.#process.signalCode === null)
        await once(this.#process, 'close');
      throw new Error(
        `ended with ${this.#process.signalCode ?? `code ${this.#process.exitCode}`}: ${this.#errors.trim()}`,
      );
    }
    return JSON.parse(line.value) as Answer;
  }

  async close(): Promise<string | undefined> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return undefined;
    const ended = once(child, 'exit');
    child.stdin!.end();
    const stop = new AbortController();
    const late = delay(5000, 'late', { signal: stop.signal }).catch(() => 'stopped');
    const how = await Promise.race([ended, late]);
    stop.abort();
    if (how === 'late') {
      this.kill();
      return 'the idle process did not end by itself';
    }
    return child.exitCode === 0 ? undefined : `ended with ${child.signalCode ?? `code ${child.exitCode}`}`;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}

const exec = promisify(execFile);

/** The compiled programs, by contestant. */
export type Programs = Partial<Record<'c' | 'glibc', string>>;

/** Compiles limit.c or glibc.c into `folder`; throws what the compiler said. */
export function compile(name: 'limit' | 'glibc', folder: string): string {
  const source = fileURLToPath(new URL(`../../bench/${name}.c`, import.meta.url));
  const program = join(folder, name);
  const cc = process.env.CC || 'cc';
  try {
    execFileSync(cc, ['-O2', '-o', program, source, '-lrt'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    throw new Error(code === 'ENOENT' ? `no C compiler: ${cc} not found` : `${cc} failed: ${stderr?.trim()}`);
  }
  return program;
}

/** A program that is started for each slice. */
abstract class Started implements Runner {
  #running: ChildProcess | undefined;

  abstract run(slice: Slice): Promise<Outcome>;

  protected async output(program: string, args: string[], slice: Slice): Promise<string> {
    const running = exec(program, args, { timeout: patience(slice) });
    this.#running = running.child;
    return (await running).stdout;
  }

  async close(): Promise<undefined> {}

  kill(): void {
    this.#running?.kill('SIGKILL');
  }
}

export class Program extends Started {
  readonly #program: string;
  readonly #name: string;

  constructor(program: string, workload: Workload) {
    super();
    this.#program = program;
    this.#name = workload.limit;
  }

  async run(slice: Slice): Promise<Outcome> {
    const words = Object.entries({
      path: slice.path,
      depth: slice.depth,
      ms: slice.milliseconds,
      seed: slice.seed,
      stamp: slice.stamp,
      size: slice.size,
      count: slice.count,
      direct: Number(slice.direct),
      perFolder: slice.perFolder,
    }).flatMap(([key, value]) => [key, String(value)]);
    return JSON.parse(await this.output(this.#program, [this.#name, ...words], slice)) as Outcome;
  }
}

/** What fio says of a job, as far as it is used. */
interface FioJob {
  read: { total_ios: number; io_bytes: number; runtime: number };
  usr_cpu: number;
  sys_cpu: number;
  job_runtime: number;
}

/** fio on the C library's <aio.h>: a second opinion of it, in fio's own loop. It chooses the blocks itself. */
export class Fio extends Started {
  async run(slice: Slice): Promise<Outcome> {
    const args = Object.entries({
      name: 'posix',
      filename: slice.path,
      ioengine: 'posixaio',
      rw: 'randread',
      bs: slice.size,
      size: slice.size * slice.count,
      iodepth: slice.depth,
      direct: Number(slice.direct),
      runtime: `${slice.milliseconds}ms`,
      randseed: slice.seed,
      'output-format': 'json',
    }).map(([key, value]) => `--${key}=${value}`);
    const flags = ['--time_based', '--readonly', '--norandommap', '--allow_file_create=0'];
    const { jobs } = JSON.parse(await this.output('fio', [...args, ...flags], slice)) as { jobs: FioJob[] };
    const [{ read, usr_cpu, sys_cpu, job_runtime }] = jobs;
    return {
      operations: read.total_ios,
      bytes: read.io_bytes,
      seconds: read.runtime / 1000,
      cpuMicros: ((usr_cpu + sys_cpu) / 100) * job_runtime * 1000,
    };
  }
}
