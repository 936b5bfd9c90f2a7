// Programs run in a worker thread.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { packageUrl } from './program.js';

/** A worker thread that runs `source`, with Ring, defaultRing, fs, result, data and post defined. */
export function startWorker(source: string, data: unknown, transfer: ArrayBuffer[] = []): Worker {
  return new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     const fs = require('node:fs');
     const { data } = workerData;
     const post = (value) => parentPort.postMessage(value);
     import(workerData.url).then(async ({ Ring, defaultRing }) => {
       const result = (start) => new Promise((resolve) => { start(resolve); });
       ${source}
     });`,
    { eval: true, workerData: { url: packageUrl, data }, transferList: transfer },
  );
}

/** Runs `source` in a worker thread to its end; resolves with the first message that it posts. */
export async function inWorker(source: string, data: unknown): Promise<unknown> {
  const worker = startWorker(source, data);
  const exit = once(worker, 'exit');
  const [message] = await Promise.race([
    once(worker, 'message'),
    once(worker, 'error').then(([error]) => Promise.reject(error)),
  ]);
  const [code] = await exit;
  assert.equal(code, 0);
  return message;
}
