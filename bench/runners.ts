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

/** Compiles limit.c into `folder`; throws what the compiler said. */
export function compileLimit(folder: string): string {
  const source = fileURLToPath(new URL('../../bench/limit.c', import.meta.url));
  const program = join(folder, 'limit');
  const cc = process.env.CC || 'cc';
  try {
    execFileSync(cc, ['-O2', '-o', program, source], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    throw new Error(code === 'ENOENT' ? `no C compiler: ${cc} not found` : `${cc} failed: ${stderr?.trim()}`);
  }
  return program;
}

export class Limit implements Runner {
  readonly #program: string;
  readonly #name: string;
  #running: ChildProcess | undefined;

  constructor(program: string, workload: Workload) {
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
    const running = exec(this.#program, [this.#name, ...words], { timeout: patience(slice) });
    this.#running = running.child;
    const { stdout } = await running;
    return JSON.parse(stdout) as Outcome;
  }

  async close(): Promise<undefined> {}

  kill(): void {
    this.#running?.kill('SIGKILL');
  }
}
