// The list of models, with the words that the reports use for them.
import type { EngineName } from '../ring/engine.js';
import { calledBackRead, signalledRead } from './aio.js';
import { blockingRead, pollingRead, spinningRead, waitingRead } from './classic.js';
import { promisedRead } from './fs-promises.js';
import type { Job } from './job.js';
import type { SourceName } from './task.js';

/** The two questions of Figure 1. */
export interface Corner {
  /** Does the call that reads also wait for the data (synchronous), or is the program told later? */
  asynchronous: boolean;
  /** Is the thread stopped until the data is there (blocking)? */
  blocking: boolean;
}

export interface Model {
  name: string;
  /** For headings and tables. */
  title: string;
  corner: Corner;
  /** Which figure of the article it is; null for what the article does not have. */
  figure: 2 | 3 | 4 | 5 | null;
  /** What happens, in a sentence or two. */
  story: string;
  /** What happens instead when the source is a regular file, where O_NONBLOCK and readiness mean nothing. */
  fileStory?: string;
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
    story: 'read() returns when the data is there. Until then the thread is blocked.',
    perEngine: false,
    run: blockingRead,
  },
  {
    name: 'nonblocking',
    title: 'read, again on EAGAIN',
    corner: { asynchronous: false, blocking: false },
    figure: 3,
    story: 'read() returns at once, mostly with EAGAIN: "not yet". The thread asks again and again.',
    fileStory:
      'O_NONBLOCK has no effect on a regular file: read() blocks all the same, and never says EAGAIN.',
    perEngine: false,
    run: spinningRead,
  },
  {
    name: 'interleaved',
    title: 'read between pieces of work',
    corner: { asynchronous: false, blocking: false },
    figure: null,
    story: 'The thread asks between small pieces of work, and without a pause when no work is left.',
    fileStory:
      'The first read() of each block blocks until the data is there, and no work is done meanwhile.',
    perEngine: false,
    run: pollingRead,
  },
  {
    name: 'select',
    title: 'select, then read',
    corner: { asynchronous: true, blocking: true },
    figure: 4,
    story:
      'read() says EAGAIN. The thread is blocked in select() until there is data, and fetches it with another read().',
    fileStory:
      'A regular file is always "readable", so nothing ever waits in select(): read() itself blocks.',
    perEngine: false,
    run: waitingRead('select'),
  },
  {
    name: 'poll',
    title: 'poll, then read',
    corner: { asynchronous: true, blocking: true },
    figure: 4,
    story: 'The same with poll(), which has no limit on descriptor numbers.',
    fileStory: 'The same with poll().',
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
    story: 'read() returns a promise. Inside, another thread of the process is blocked in read().',
    perEngine: false,
    run: promisedRead,
  },
];

export function storyOf({ story, fileStory }: Model, source: SourceName): string {
  return source === 'file' ? (fileStory ?? story) : story;
}

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
