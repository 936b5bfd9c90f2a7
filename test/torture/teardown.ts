// Teardown: a thread or a process ends while its rings are busy or blocked, at whatever moment. It must end, without a
// crash, without a hang, and leave nothing behind in the process that goes on: no descriptor, no thread.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { pick } from '../differential/random.js';
import { runNode } from '../support/program.js';
import type { Counts, Part, Place, Trial } from './part.js';

/** How a program ends. */
export const ENDS = [
  'exit',
  'exit in a callback',
  'throw',
  'nothing left',
  'SIGTERM',
  'SIGKILL',
  'abort worker',
] as const;
export type End = (typeof ENDS)[number];

export interface Load {
  seed: number;
  /** an existing file of a mebibyte, and a pipe that nobody writes to */
  file: string;
  pipe: string;
  end?: End;
  /** ms before it ends */
  after?: number;
}

const loadProgram = new URL('teardown-load.js', import.meta.url);
/** What ends later than this hangs: the drain itself takes up to 5 s where something cannot be cancelled. */
const HANG_MS = 20_000;
const SLOW_MS = 4_000;

function fixture({ directory }: Place): Pick<Load, 'file' | 'pipe'> {
  const file = join(directory, 'file');
  const pipe = join(directory, 'pipe');
  fs.writeFileSync(file, Buffer.alloc(1 << 20, 'x'));
  execFileSync('mkfifo', [pipe]);
  return { file, pipe };
}

/** Open descriptors but those of modules: Node leaks them when a worker is terminated while it imports. */
function descriptorsOpen(): number {
  return fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return !/\.(js|json|node)$/.test(fs.readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false; // the one that read the directory
    }
  }).length;
}

function threads(): number {
  return fs.readdirSync('/proc/self/task').length;
}

/** Waits for what ends by itself a moment later: threads of the pool, deferred closes. */
async function settles(what: () => number, limit: number, name: string): Promise<void> {
  for (let i = 0; i < 500 && what() > limit; i++) await sleep(10);
  assert.ok(what() <= limit, `${what()} ${name} are left, there were ${limit}`);
}

const worker: Part = {
  name: 'teardown/worker',
  promise:
    'a worker thread ends at any moment, whatever its rings are doing: no crash, no hang, nothing left behind',
  rounds: { sample: 6, full: 1000 },
  engines: 'each',
  open(place): Trial {
    const own = fixture(place);
    const env = { ...process.env, LINUX_AIO_ENGINE: place.engine };
    let descriptors = -1;
    return {
      async round(random, seed): Promise<Counts> {
        const thread = new Worker(loadProgram, { workerData: { ...own, seed }, env, stderr: false });
        const failed = once(thread, 'error').then(([error]) => Promise.reject(error));
        failed.catch(() => {});
        const wait = random(4);
        if (wait > 0) {
          await Promise.race([once(thread, 'message'), failed]);
          if (wait > 1) await sleep(random(15));
        } else {
          await sleep(random(60)); // while it is still starting, perhaps
        }
        const begun = performance.now();
        const hang = sleep(HANG_MS, 'hangs', { ref: false });
        assert.notEqual(await Promise.race([thread.terminate(), hang]), 'hangs', 'the thread does not end');
        const ms = performance.now() - begun;
        assert.ok(ms < SLOW_MS, `it took ${ms} ms to end`);
        if (descriptors < 0) {
          // The first one has set up what a process has once; from now on nothing may be added.
          await sleep(100);
          descriptors = descriptorsOpen();
        } else if (seed % 20 === 0) {
          await settles(descriptorsOpen, descriptors, 'descriptors');
        }
        return { 'threads ended': 1, 'crashes or hangs': 0, 'max ms to end': Math.ceil(ms) };
      },
      async close() {
        if (descriptors >= 0) await settles(descriptorsOpen, descriptors, 'descriptors');
        await settles(threads, 40, 'threads');
      },
    };
  },
};

const EXPECTED: Record<End, { code: number | null; signal: NodeJS.Signals | null }> = {
  exit: { code: 7, signal: null },
  'exit in a callback': { code: 7, signal: null },
  throw: { code: 1, signal: null },
  'nothing left': { code: 7, signal: null },
  SIGTERM: { code: null, signal: 'SIGTERM' },
  SIGKILL: { code: null, signal: 'SIGKILL' },
  'abort worker': { code: 7, signal: null },
};

const processEnd: Part = {
  name: 'teardown/process',
  promise: 'a process ends at any moment and in any way, whatever its rings are doing: no crash, no hang',
  rounds: { sample: 4, full: 1000 },
  engines: 'each',
  open(place): Trial {
    const own = fixture(place);
    return {
      async round(random, seed): Promise<Counts> {
        const end = pick(random, ENDS);
        const after = random(25);
        const args = [
          fileURLToPath(loadProgram),
          JSON.stringify({ ...own, seed, end, after } satisfies Load),
        ];
        const env = { LINUX_AIO_ENGINE: place.engine };
        const { code, signal, stderr, ms } = await runNode(args, { env, timeoutMs: HANG_MS });
        assert.deepEqual({ code, signal }, EXPECTED[end], `${end}: ${stderr}`);
        if (end === 'throw') assert.match(stderr, /Error: the end/);
        else assert.equal(stderr, '');
        assert.ok(ms < SLOW_MS + 2000, `it took ${ms} ms to end`);
        return { 'processes ended': 1, 'crashes or hangs': 0, 'max ms': Math.ceil(ms) };
      },
    };
  },
};

export const teardown: readonly Part[] = [worker, processEnd];
