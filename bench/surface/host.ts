// The child process of one contestant of the surface benchmark: runs one slice per line of JSON on its standard input
// and answers with a line. Which fs that is, the flags of the process say.
import { createInterface } from 'node:readline';
import { type CallbackOperation, entries, type Operation, type Place } from './functions.js';

export interface Slice {
  entry: string;
  depth: number;
  milliseconds: number;
  /** it goes on until there have been so many, for at most WARM_UP_MS_MAX */
  operations?: number;
}

const WARM_UP_MS_MAX = 2000;

export type Answer = { perSecond: number } | { error: string };

const [, , folder, small] = process.argv;
const place: Place = { folder, small };

/** Whether there is to be one more operation, after so many. */
type GoesOn = (operations: number) => boolean;

function until({ milliseconds, operations: wanted = 0 }: Slice): GoesOn {
  const began = performance.now();
  return (operations) => {
    const passed = performance.now() - began;
    return passed < milliseconds || (operations < wanted && passed < WARM_UP_MS_MAX);
  };
}

async function promiseLanes(run: Operation, depth: number, goesOn: GoesOn): Promise<number> {
  let operations = 0;
  async function lane(number: number): Promise<void> {
    for (let i = 0; goesOn(operations); i++) {
      await run(number, i);
      operations++;
    }
  }
  await Promise.all(Array.from({ length: depth }, (_, number) => lane(number)));
  return operations;
}

function callbackLanes(call: CallbackOperation, depth: number, goesOn: GoesOn): Promise<number> {
  let operations = 0;
  let lanes = depth;
  return new Promise((resolve, reject) => {
    for (let number = 0; number < depth; number++) {
      let i = 0;
      const next = (error?: Error | null) => {
        if (error) return reject(error);
        operations++;
        if (goesOn(operations)) call(number, ++i, next);
        else if (--lanes === 0) resolve(operations);
      };
      call(number, 0, next);
    }
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const slice = JSON.parse(line) as Slice;
  const { entry, depth } = slice;
  let answer: Answer;
  try {
    const subject = entries[entry];
    const prepared = await subject.prepare(place, depth);
    const began = performance.now();
    const goesOn = until(slice);
    const operations =
      'run' in prepared
        ? await promiseLanes(prepared.run, depth, goesOn)
        : await callbackLanes(prepared.call, depth, goesOn);
    answer = { perSecond: operations / ((performance.now() - began) / 1000) };
    await subject.finish?.();
  } catch (error) {
    answer = { error: String((error as Error).stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
