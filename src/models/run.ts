// Runs one model in a process of its own and brings its recording back.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Run } from './models.js';
import type { Recording } from './recording.js';
import { programPath, Source, type SourceOptions } from './source.js';
import type { Task } from './task.js';

/** A model could not be run; the message says why. */
export class ModelError extends Error {
  override name = 'ModelError';
}

export interface RunOptions extends SourceOptions {
  /** Units of work per block. */
  units: number;
  /** Ends the run at once; it rejects with the signal's reason. */
  signal: AbortSignal;
}

export async function runModel({ model, engine }: Run, options: RunOptions): Promise<Recording> {
  options.signal.throwIfAborted();
  using source = new Source(options);
  const { blocks, blockBytes, units } = options;
  const task: Task = { model: model.name, source: options.source, blocks, blockBytes, units };
  const child = spawn(process.execPath, ['--no-warnings', programPath('runner.js'), JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe', ...source.descriptors],
    // Ctrl-C goes to everything on the terminal; this process decides what ends, and says so with its own exit code.
    detached: true,
    env: { ...process.env, ...(engine === null ? {} : { LINUX_AIO_ENGINE: engine }) },
  });
  const stop = (): void => {
    source.kill();
    child.kill('SIGKILL');
  };
  options.signal.addEventListener('abort', stop);
  try {
    const output = text(child.stdout!);
    const complaint = text(child.stderr!);
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    options.signal.throwIfAborted();
    if (code === 0) return JSON.parse(output()) as Recording;
    throw new ModelError(
      `${nameOf({ model, engine })}: ${complaint() || `its process ended with ${signal ?? `exit code ${code}`}`}`,
    );
  } finally {
    options.signal.removeEventListener('abort', stop);
    source.kill();
  }
}

/** `aio-signal on io_uring` */
export function nameOf({ model, engine }: Run): string {
  return engine === null ? model.name : `${model.name} on ${engine}`;
}

function text(stream: NodeJS.ReadableStream): () => string {
  let all = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    all += chunk;
  });
  return () => all;
}
