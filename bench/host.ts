// The child process of a JavaScript contestant: `host.js MODULE DOOR`, under Node, Bun or Deno. It says hello, then
// runs one slice per line of JSON on its standard input and answers each with a line. It ends by itself when the input
// has ended: a contestant that keeps the process alive while idle is reported.
import { createInterface } from 'node:readline';
import type { Door } from './doors.js';
import type { Outcome, Slice } from './slice.js';
import { familyOf } from './workloads/index.js';

export type Answer = { hello: string } | { outcome: Outcome } | { error: string };

const [, , module, name] = process.argv;

function answer(message: Answer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const doors = (await import(`./contestants/${module}.js`)) as Record<string, Door> & { describe?(): string };
const door: Door = doors[name];
answer({ hello: doors.describe?.() ?? process.version });

for await (const line of createInterface({ input: process.stdin })) {
  const slice = JSON.parse(line) as Slice;
  try {
    const loop = familyOf(slice.workload).loops[door.kind] as
      | ((door: Door, slice: Slice) => Promise<Outcome>)
      | undefined;
    if (!loop) throw new Error(`no loop for ${door.kind}`);
    answer({ outcome: await loop(door, slice) });
  } catch (error) {
    answer({ error: (error as Error).stack ?? String(error) });
  }
}
