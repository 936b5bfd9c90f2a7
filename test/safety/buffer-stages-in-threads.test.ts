// A thread ends that owns the buffers of requests at every stage: its memory is freed, so nobody may write to it after
// that. buffer-stages.test.ts is what a program does to a buffer itself.
//
// Guards the life of pins in native/pin.c. That an engine which is writing at that moment is awaited: worker-end.test.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Canaries, TRANSFER } from '../support/buffer-events.js';
import type { ThreadLoad } from '../support/buffer-thread.js';
import { native } from '../support/internals.js';
import { OPERATIONS, type Operation, PIPE_DOORS } from '../support/pipe-doors.js';
import { fillPipe } from '../support/posix.js';
import { HANG_MS } from '../support/ring.js';
import { drained, openObservedPipes, type Pipe } from '../support/temp.js';

const program = new URL('../support/buffer-thread.js', import.meta.url);
const REQUESTS = 12;

/** The other end of the pipe does its part. */
function serve(operation: Operation, pipe: Pipe): void {
  if (operation === 'read') fs.writeSync(pipe.write, Buffer.alloc(TRANSFER, 'data'));
  else assert.notEqual(drained(pipe), '');
}

async function endThread(
  t: TestContext,
  door: string,
  operation: Operation,
  computing: boolean,
): Promise<void> {
  const pipes = openObservedPipes(t, REQUESTS + 1);
  if (operation === 'write') for (const pipe of pipes) fillPipe(pipe);
  const paths = pipes.map((pipe) => `/proc/self/fd/${operation === 'read' ? pipe.read : pipe.write}`);
  const [last] = pipes.splice(-1);
  const computes = computing ? paths.at(-1)! : null;
  const pins = native().pinCount();
  const load: ThreadLoad = { door, operation, paths: paths.slice(0, REQUESTS), computes };
  const worker = new Worker(program, { workerData: load });
  const exit = once(worker, 'exit');
  const word = once(worker, 'message').then(([text]) => text);
  assert.equal(await Promise.race([word, exit.then(([code]) => `exit ${code}`)]), 'started');
  if (computing) {
    serve(operation, last);
    assert.deepEqual(await once(worker, 'message'), ['computing']);
    // Now these are complete, and their thread cannot be told.
    for (const pipe of pipes) serve(operation, pipe);
  }
  await worker.terminate();
  await exit;

  assert.equal(native().pinCount(), pins, 'memory of a thread that has ended is pinned');
  const canaries = new Canaries();
  if (!computing) for (const pipe of pipes) serve(operation, pipe);
  for (const pipe of pipes) {
    const left = drained(pipe);
    // A transfer is whole or has not been; once its thread has ended there is none.
    if (computing) assert.equal(left.length % TRANSFER, 0);
    else assert.equal(left, operation === 'read' ? Buffer.alloc(TRANSFER, 'data').toString() : '');
  }
  canaries.check();
}

for (const { name } of PIPE_DOORS) {
  describe(`a thread that ends with buffers of ${name}`, () => {
    for (const operation of OPERATIONS) {
      test(
        `leaves none to a ${operation} that waits, is blocked or is being cancelled`,
        { timeout: HANG_MS },
        (t) => endThread(t, name, operation, false),
      );
      test(
        `leaves none to a ${operation} that is complete while it computes in a callback`,
        { timeout: HANG_MS },
        (t) => endThread(t, name, operation, true),
      );
    }
  });
}
