// A worker thread that owns buffers at every stage of their requests, for a test to end it: waiting for their turn,
// blocked with the engine, being cancelled. Its workerData is a ThreadLoad; it posts a word when it is there.
import { parentPort, workerData } from 'node:worker_threads';
import { defaultRing } from 'linux-aio';
import { BUFFER_SIZES, TRANSFER } from './buffer-events.js';
import { type Operation, PIPE_DOORS } from './pipe-doors.js';

export interface ThreadLoad {
  door: string;
  operation: Operation;
  /** one pipe for each request */
  paths: string[];
  /** a pipe whose request is to be served first; its callback never returns */
  computes: string | null;
}

const { door: name, operation, paths, computes } = workerData as ThreadLoad;
const door = PIPE_DOORS.find((one) => one.name === name)!;
const ring = defaultRing();
const ends = await Promise.all(paths.map((path) => door.open(path, operation, ring)));
const last = computes === null ? null : await door.open(computes, operation, ring);
const view = (i: number) => new Uint8Array(BUFFER_SIZES[i % BUFFER_SIZES.length]).subarray(0, TRANSFER);

last?.start(view(0), () => {
  parentPort!.postMessage('computing');
  for (;;) Math.random();
});
for (const [i, end] of ends.entries()) {
  const transfer = end.start(view(i), () => {});
  const kind = Math.floor(i / BUFFER_SIZES.length) % 3;
  if (kind === 1) end.start(view(i), () => {});
  if (kind === 2) transfer.cancel?.();
}
parentPort!.postMessage('started');
