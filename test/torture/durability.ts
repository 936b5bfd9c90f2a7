// Durability: what was acknowledged is there.
//
// A writer (durability-writer.ts) fills blocks of a file, each with bytes that follow from its number alone, and says on
// a pipe which blocks it was told are durable. It is killed at a random moment; then every block it named must hold
// exactly its bytes. Killing the process alone shows that an acknowledgement never comes before the kernel has the data.
// That the data was synced, too, is seen on a file system that loses everything else (faultfs.c, volatile), which is
// killed with it: an fsync that overtakes a write, or is left out, loses acknowledged blocks there.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { EngineName } from 'linux-aio';
import { pick, type Random } from '../differential/random.js';
import { BLOCK, blockContent } from './durability-blocks.js';
import { FaultFs, noFaultfs } from './faultfs.js';
import type { Counts, Part, Trial } from './part.js';

const writerProgram = fileURLToPath(new URL('durability-writer.js', import.meta.url));

/** How the writer asks for durability; durability-writer.ts has one function for each. */
export const WAYS = ['writeMany', 'datasync', 'sync', 'ring', 'posix'] as const;
export type Way = (typeof WAYS)[number];

interface Writer {
  process: ChildProcess;
  exited: Promise<unknown>;
  /** resolves with the first acknowledgement */
  begun: Promise<unknown>;
  errors(): string;
  /** the numbers that it has acknowledged, when it is dead */
  acknowledged(): number[];
}

function startWriter(engine: EngineName, path: string, way: Way, isDirect: boolean, seed: number): Writer {
  const args = [writerProgram, path, way, isDirect ? 'direct' : 'buffered', String(seed)];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, LINUX_AIO_ENGINE: engine },
  });
  const chunks: Buffer[] = [];
  let errors = '';
  child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  const begun = new Promise((resolve, reject) => {
    child.stdout!.once('data', resolve);
    child.once('close', (code) => reject(new Error(`the writer ended with code ${code}: ${errors}`)));
  });
  return {
    process: child,
    exited: once(child, 'close'),
    begun,
    errors: () => errors,
    acknowledged: () => {
      const bytes = Buffer.concat(chunks);
      // The last number may be cut off by the kill.
      return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readUInt32LE(4 * i));
    },
  };
}

/** Every block named is there, whole. */
function verify(path: string, blocks: readonly number[], what: string): void {
  const fd = fs.openSync(path, 'r');
  try {
    const found = Buffer.alloc(BLOCK);
    for (const number of blocks) {
      const bytes = fs.readSync(fd, found, 0, BLOCK, number * BLOCK);
      assert.ok(
        bytes === BLOCK && found.equals(blockContent(number)),
        `block ${number} of ${blocks.length} acknowledged ones is not there (${bytes} bytes; ${what})`,
      );
    }
  } finally {
    fs.closeSync(fd);
  }
}

async function killedWriter(
  engine: EngineName,
  path: string,
  random: Random,
  seed: number,
  way: Way,
  isDirect: boolean,
  end: (writer: Writer) => Promise<void>,
): Promise<number[]> {
  const writer = startWriter(engine, path, way, isDirect, seed);
  await writer.begun;
  await sleep(random(40));
  assert.equal(writer.process.exitCode, null, `the writer ended by itself: ${writer.errors()}`);
  await end(writer);
  await writer.exited;
  const acknowledged = writer.acknowledged();
  assert.ok(acknowledged.length > 0, 'nothing was acknowledged, so nothing is shown');
  return acknowledged;
}

/** The process dies, the machine stays. */
const kill9: Part = {
  name: 'durability/kill-9',
  promise: 'what was acknowledged as durable is in the file after SIGKILL at any moment',
  rounds: { sample: 4, full: 1000 },
  engines: 'each',
  open({ engine, directory }): Trial {
    return {
      async round(random, seed): Promise<Counts> {
        const path = join(directory, 'blocks');
        const way = pick(random, WAYS);
        const isDirect = random(3) === 0;
        const acknowledged = await killedWriter(engine, path, random, seed, way, isDirect, async (writer) => {
          writer.process.kill('SIGKILL');
        });
        verify(path, acknowledged, `${way}${isDirect ? ', O_DIRECT' : ''}`);
        fs.rmSync(path);
        return { 'kills -9': 1, 'blocks acknowledged': acknowledged.length, 'blocks lost': 0 };
      },
    };
  },
};

/** Names of files that faultfs takes its time with. */
const SLOW = ['blocks', 'write-jitter-2', 'write-jitter-1,fsync-jitter-2'];

/**
 * Short writes, which File goes on with. Not by callbacks, which leave that to the caller; nor on io_uring, where FUSE
 * answers EIO for a short direct write of an asynchronous request.
 */
const SHORT = 'write-short-1536';

/** The machine loses what was not synced, too. Writes take their time, so that an fsync could overtake them. */
const powerCut: Part = {
  name: 'durability/power-cut',
  promise: 'what was acknowledged as durable was synced after it was written: it survives a loss of power',
  rounds: { sample: 4, full: 1000 },
  engines: 'each',
  unavailable: noFaultfs,
  open({ engine, directory }): Trial {
    return {
      async round(random, seed): Promise<Counts> {
        const place = join(directory, String(seed));
        const faulty = await FaultFs.mount(place, true);
        const way = pick(random, WAYS);
        const name = pick(
          random,
          way === 'ring' || way === 'posix' || engine === 'io_uring' ? SLOW : [...SLOW, SHORT],
        );
        try {
          const path = join(faulty.path, name);
          const acknowledged = await killedWriter(engine, path, random, seed, way, false, async (writer) => {
            await faulty.kill();
            writer.process.kill('SIGKILL');
          });
          verify(join(faulty.backing, name), acknowledged, `${way} on ${name}`);
          return { 'power cuts': 1, 'blocks acknowledged': acknowledged.length, 'blocks lost': 0 };
        } finally {
          await faulty.unmount();
          fs.rmSync(place, { recursive: true });
        }
      },
    };
  },
};

export const durability: readonly Part[] = [kill9, powerCut];
