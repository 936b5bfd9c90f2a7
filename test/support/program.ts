// Programs run in a process of their own: for what ends a process, limits it, or must not touch the test runner.
import { type SpawnOptions, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The package's folder: this module runs from build/test/support. */
export const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
/** For worker threads, which cannot resolve the package by its name. */
export const packageUrl = pathToFileURL(join(packageRoot, 'dist', 'index.js')).href;

export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
  /** killed, because it had not ended by itself */
  timedOut: boolean;
}

export interface ProgramOptions {
  env?: Record<string, string>;
  /** a shell command that runs before, in the same process: `ulimit -n 64` */
  limits?: string;
  /** a command that runs node in surroundings of its own: test/container/launcher.ts */
  launcher?: readonly string[];
  /** the program's process.argv from 1 on */
  args?: string[];
  /** arguments of node before the program */
  flags?: string[];
  stdio?: SpawnOptions['stdio'];
  cwd?: string;
  /** after so long it is killed */
  timeoutMs?: number;
}

/** Runs an ES module given as text, with the package under its own name and `fs`, `Ring`, `defaultRing`, `result` defined. */
export function runProgram(source: string, options: ProgramOptions = {}): Promise<Outcome> {
  return runNode(['--input-type=module', '-e', PRELUDE + source, ...(options.args ?? [])], options);
}

const PRELUDE = `
import fs from 'node:fs';
import { Ring, defaultRing } from 'linux-aio';
const result = (start) => new Promise((resolve) => { start(resolve); });
`;

export function runNode(args: string[], options: ProgramOptions = {}): Promise<Outcome> {
  const launcher = options.launcher ?? [];
  const command = [
    ...launcher,
    process.execPath,
    '--expose-gc',
    '--no-warnings',
    ...(options.flags ?? []),
    ...args,
  ];
  const [file, ...rest] = options.limits
    ? ['/bin/sh', '-c', `${options.limits} && exec "$@"`, 'sh', ...command]
    : command;
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env; // the child is not a test file of the runner
  const begin = performance.now();
  const child = spawn(file, rest, {
    cwd: options.cwd ?? packageRoot,
    env: { ...inherited, ...options.env },
    stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = child.kill('SIGKILL');
  }, options.timeoutMs ?? 30_000);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, ms: performance.now() - begin, timedOut });
    });
  });
}
