// From the options of `aio models` to a plan: which runs, on which job, and where the result goes.

import { MODELS, type Model } from '../../models/models.js';
import { SOURCES, type SourceName } from '../../models/task.js';
import { ENGINE_NAMES, type EngineName } from '../../ring/engine.js';
import type { OptionSpecs, OptionValues } from '../options.js';
import { didYouMean } from '../suggest.js';
import { parseInteger, parseSeconds } from '../units.js';
import { UsageError } from '../usage-error.js';

export interface ModelsPlan {
  source: SourceName;
  models: readonly Model[];
  /** Engines that were asked for by name: one that is not there is a failure then. null: those that are there. */
  engines: readonly EngineName[] | null;
  blocks: number;
  blockBytes: number;
  /** null with a file, which is as slow as it is. */
  delayMs: number | null;
  /** null: four fifths of the delay. */
  computeMs: number | null;
  /** Where the temporary file goes; null: os.tmpdir(). */
  directory: string | null;
  html: string | null;
  json: boolean;
}

/** A block on a pipe must arrive whole: PIPE_BUF. */
const STREAM_BLOCK_BYTES = 4096;
/** Large enough that the disk takes about as long as a pipe's writer would be allowed to. */
const FILE_BLOCK_BYTES = 1024 * 1024;

const BLOCKS_MAX = 1000;
const DELAY_MS_MAX = 1000;

export const MODELS_OPTIONS: OptionSpecs = {
  source: { kind: 'value', value: 'kind', help: 'pipe (default), socket, or file (O_DIRECT)' },
  models: {
    kind: 'value',
    value: 'list',
    help: `one or more of ${MODELS.map(({ name }) => name).join(', ')}`,
  },
  ioengine: {
    kind: 'value',
    value: 'list',
    help: 'for AIO: one or more of io_uring, native, threads; default: all that work here',
  },
  blocks: { kind: 'value', value: 'number', help: 'how many blocks each model reads; default 20' },
  delay: {
    kind: 'value',
    value: 'time',
    help: 'how long a block takes to arrive; default 10ms; not for a file',
  },
  compute: { kind: 'value', value: 'time', help: 'how much computing to do per block; default 8ms' },
  directory: { kind: 'value', value: 'path', help: 'where to put the temporary file, with --source file' },
  html: { kind: 'value', value: 'path', help: 'write the report as one HTML page' },
  json: { kind: 'flag', help: 'print everything measured as JSON, including every event with its time' },
};

export function planFrom(values: OptionValues): ModelsPlan {
  const source = oneOf('source', values['source'] ?? 'pipe', SOURCES);
  const isFile = source === 'file';
  if (isFile && values['delay'] !== undefined) {
    throw new UsageError('--delay is for pipe and socket; a file is as slow as its disk');
  }
  if (!isFile && values['directory'] !== undefined) {
    throw new UsageError('--directory is for --source file; pipe and socket need none');
  }
  const names = listOf(
    'models',
    values['models'],
    MODELS.map(({ name }) => name),
  );
  return {
    source,
    models: MODELS.filter(({ name }) => names === null || names.includes(name)),
    engines: listOf('ioengine', values['ioengine'], ENGINE_NAMES),
    blocks: reading('blocks', values['blocks'] ?? '20', (text) => parseInteger(text, 1, BLOCKS_MAX)),
    blockBytes: isFile ? FILE_BLOCK_BYTES : STREAM_BLOCK_BYTES,
    delayMs: isFile ? null : milliseconds('delay', values['delay'] ?? '10ms'),
    computeMs: values['compute'] === undefined ? null : milliseconds('compute', values['compute']),
    directory: values['directory'] ?? null,
    html: values['html'] ?? null,
    json: values['json'] !== undefined,
  };
}

function milliseconds(option: string, text: string): number {
  const ms = reading(option, text, parseSeconds) * 1000;
  if (!(ms > 0 && ms <= DELAY_MS_MAX)) {
    throw new UsageError(`--${option}: must be more than 0 and at most ${DELAY_MS_MAX}ms`);
  }
  return ms;
}

/** null where the option was not given. */
function listOf<T extends string>(option: string, text: string | undefined, known: readonly T[]): T[] | null {
  if (text === undefined) return null;
  return [...new Set(text.split(',').map((item) => oneOf(option, item.trim(), known)))];
}

function oneOf<T extends string>(option: string, text: string, known: readonly T[]): T {
  const found = known.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${option}: '${text}' is none of ${known.join(', ')}${didYouMean(text, known)}`);
}

/** Says which option a value belongs to that could not be read. */
function reading<T>(option: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`--${option}: ${(error as Error).message}`, { cause: error });
  }
}
