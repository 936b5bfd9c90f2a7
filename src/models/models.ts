// The list of models, with the words that the reports use for them.
import type { EngineName } from '../ring/engine.js';
import { calledBackRead, signalledRead } from './aio.js';
import { blockingRead, pollingRead, spinningRead, waitingRead } from './classic.js';
import { promisedRead } from './fs-promises.js';
import type { Job } from './job.js';

/** The two questions of Figure 1. */
export interface Corner {
  /** Does the call that reads also wait for the data (synchronous), or is the program told later? */
  asynchronous: boolean;
  /** Does the thread stand still until the data is there (blocking)? */
  blocking: boolean;
}

export interface Model {
  name: string;
  /** For headings and tables. */
  title: string;
  corner: Corner;
  /** Which figure of the article it is; null for what the article does not have. */
  figure: 2 | 3 | 4 | 5 | null;
  /** What happens, in one sentence. */
  story: string;
  /** Whether there is one run per engine. */
  perEngine: boolean;
  run(job: Job): void | Promise<void>;
}

export const MODELS: readonly Model[] = [
  {
    name: 'blocking',
    title: 'read',
    corner: { asynchronous: false, blocking: true },
    figure: 2,
    story: 'read() returns when the data is there. Until then the thread stands still.',
    perEngine: false,
    run: blockingRead,
  },
  {
    name: 'nonblocking',
    title: 'read, again on EAGAIN',
    corner: { asynchronous: false, blocking: false },
    figure: 3,
    story: 'read() returns at once, mostly with EAGAIN: "not yet". The thread asks again and again.',
    perEngine: false,
    run: spinningRead,
  },
  {
    name: 'interleaved',
    title: 'read between pieces of work',
    corner: { asynchronous: false, blocking: false },
    figure: null,
    story: 'The thread asks between small pieces of work, and without a pause when no work is left.',
    perEngine: false,
    run: pollingRead,
  },
  {
    name: 'select',
    title: 'select, then read',
    corner: { asynchronous: true, blocking: true },
    figure: 4,
    story:
      'read() says EAGAIN. The thread stands still in select() until there is data, and fetches it with another read().',
    perEngine: false,
    run: waitingRead('select'),
  },
  {
    name: 'poll',
    title: 'poll, then read',
    corner: { asynchronous: true, blocking: true },
    figure: 4,
    story: 'The same with poll(), which has no limit on descriptor numbers.',
    perEngine: false,
    run: waitingRead('poll'),
  },
  {
    name: 'aio-signal',
    title: 'aio_read, signal',
    corner: { asynchronous: true, blocking: false },
    figure: 5,
    story: 'aio_read() returns at once. The thread computes; a signal says that the data is in its buffer.',
    perEngine: true,
    run: signalledRead,
  },
  {
    name: 'aio-callback',
    title: 'aio_read, callback',
    corner: { asynchronous: true, blocking: false },
    figure: 5,
    story:
      'aio_read() returns at once. The thread computes; a function is called when the data is in its buffer.',
    perEngine: true,
    run: calledBackRead,
  },
  {
    name: 'fs-promises',
    title: 'node:fs/promises',
    corner: { asynchronous: true, blocking: false },
    figure: null,
    story: 'read() returns a promise. Inside, another thread of the process stands still in a blocking read.',
    perEngine: false,
    run: promisedRead,
  },
];

/** One run: a model, on an engine where it needs one. */
export interface Run {
  model: Model;
  engine: EngineName | null;
}

export function modelNamed(name: string): Model {
  const model = MODELS.find((candidate) => candidate.name === name);
  if (model === undefined) throw new RangeError(`no model '${name}'`);
  return model;
}
