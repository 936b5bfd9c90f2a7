// The child process of one contestant of the surface benchmark: runs one slice per line of JSON on its standard input
// and answers with a line. Which fs that is, the flags of the process say.
import { createInterface } from 'node:readline';
import { type CallbackOperation, entries, type Operation, type Place } from './functions.js';

export interface Slice {
  entry: string;
  depth: number;
  milliseconds: number;
}

export type Answer = { perSecond: number } | { error: string };

const [, , folder, small] = process.argv;
const place: Place = { folder, small };

async function promiseLanes(run: Operation, depth: number, deadline: number): Promise<number> {
  let operations = 0;
  async function lane(number: number): Promise<void> {
    for (let i = 0; performance.now() < deadline; i++) {
      await run(number, i);
      operations++;
    }
  }
  await Promise.all(Array.from({ length: depth }, (_, number) => lane(number)));
  return operations;
}

function callbackLanes(call: CallbackOperation, depth: number, deadline: number): Promise<number> {
  let operations = 0;
  let lanes = depth;
  return new Promise((resolve, reject) => {
    for (let number = 0; number < depth; number++) {
      let i = 0;
      const next = (error?: Error | null) => {
        if (error) return reject(error);
        operations++;
        if (performance.now() < deadline) call(number, ++i, next);
        else if (--lanes === 0) resolve(operations);
      };
      call(number, 0, next);
    }
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { entry, depth, milliseconds } = JSON.parse(line) as Slice;
  let answer: Answer;
  try {
    const subject = entries[entry];
    const prepared = await subject.prepare(place, depth);
    const began = performance.now();
    const deadline = began + milliseconds;
    const operations =
      'run' in prepared
        ? await promiseLanes(prepared.run, depth, deadline)
        : await callbackLanes(prepared.call, depth, deadline);
    answer = { perSecond: operations / ((performance.now() - began) / 1000) };
    await subject.finish?.();
  } catch (error) {
    answer = { error: String((error as Error).stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
