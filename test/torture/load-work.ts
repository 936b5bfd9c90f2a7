// The process that load.ts measures: 100,000 requests of every kind are under way at any time; each that ends is
// followed by another one, until the time is over. Then all of them must have ended, once.
//
// load-work <directory> <seed> <seconds>
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type File, open, Ring } from 'linux-aio';
import * as dropIn from 'linux-aio/fs/promises';
import * as posix from 'linux-aio/posix';
import { randomOf } from '../differential/random.js';
import { native } from '../support/internals.js';
import { openDescriptors } from '../support/temp.js';

export interface Load {
  operations: number;
  kinds: Record<string, number>;
  /** at once */
  concurrent: number;
  concurrentMean: number;
  /** of the event loop, in ms: what a timer was late */
  delayMedian: number;
  delay99: number;
  delayMax: number;
  /** bytes, while it was running and after all of it */
  rssMax: number;
  heapBefore: number;
  heapAfter: number;
  descriptors: number;
  pins: number;
}

const CONCURRENT = 100_000;
const BLOCK = 512;
const BLOCKS = 1 << 17; // 64 MiB
const PIPES = 64;
const CANCELLED = -125;

const [, , directory, seed, seconds] = process.argv;
const random = randomOf(Number(seed));
const ring = Ring.open();
const path = join(directory, 'blocks');
const small = join(directory, 'small');
const memory = new Uint8Array(CONCURRENT * BLOCK);
const views = Array.from({ length: CONCURRENT }, (_, i) => memory.subarray(i * BLOCK, (i + 1) * BLOCK));
const stamps = new Uint32Array(memory.buffer);
const kinds: Record<string, number> = {};
/** reads of empty pipes, the oldest first */
const blocked: number[] = [];
/** memory of requests that have ended */
let ended: number[] = [];
let running = 0;
let atOnce = { sum: 0, turns: 0 };
let concurrent = 0;
let operations = 0;
let goesOn = true;

/** Each block begins with its number, and is only ever written as it is. */
function makeFile(): void {
  const content = new Uint32Array((BLOCKS * BLOCK) / 4);
  for (let block = 0; block < BLOCKS; block++) content[(block * BLOCK) / 4] = block;
  fs.writeFileSync(path, content);
  fs.writeFileSync(small, 'small');
}

function stamp(view: number, block: number): void {
  stamps.fill(0, (view * BLOCK) / 4, ((view + 1) * BLOCK) / 4);
  stamps[(view * BLOCK) / 4] = block;
}

interface Subjects {
  readonly fd: number;
  readonly file: File;
  readonly pipes: readonly number[];
  readonly status: Uint8Array;
}

/** Starts one request with the memory of `view`; `over` is to be called with whether it did what it should. */
type Kind = (on: Subjects, view: number, over: (ok: boolean) => void) => void;

const read: Kind = ({ fd }, view, over) => {
  const block = random(BLOCKS);
  ring.read(fd, views[view], block * BLOCK, (n) => over(n === BLOCK && stamps[(view * BLOCK) / 4] === block));
};

const write: Kind = ({ fd }, view, over) => {
  const block = random(BLOCKS);
  stamp(view, block);
  ring.write(fd, views[view], block * BLOCK, (n) => over(n === BLOCK));
};

const KINDS: Readonly<Record<string, readonly [share: number, Kind]>> = {
  read: [50, read],
  write: [12, write],
  readv: [
    4,
    ({ fd }, view, over) => {
      const halves = [views[view].subarray(0, 256), views[view].subarray(256)];
      const block = random(BLOCKS);
      ring.readv(fd, halves, block * BLOCK, (n) => over(n === BLOCK && stamps[(view * BLOCK) / 4] === block));
    },
  ],
  statx: [3, ({ status }, _, over) => ring.statx(-100, small, 0, 0x7ff, status, (n) => over(n === 0))],
  nop: [5, (_on, _view, over) => ring.nop((n) => over(n === 0))],
  timeout: [6, (_on, _view, over) => ring.timeout(random(50), (n) => over(n === -62))],
  'blocked read, cancelled': [
    5,
    ({ pipes }, view, over) => {
      blocked.push(ring.read(pipes[random(PIPES)], views[view], -1, (n) => over(n === CANCELLED)));
    },
  ],
  'File.read': [
    6,
    ({ file }, view, over) => {
      const block = random(BLOCKS);
      void file.read(views[view], 0, BLOCK, block * BLOCK).then(
        ({ bytesRead }) => over(bytesRead === BLOCK && stamps[(view * BLOCK) / 4] === block),
        () => over(false),
      );
    },
  ],
  aio_read: [
    6,
    ({ fd }, view, over) => {
      const block = random(BLOCKS);
      const cb = new posix.aiocb({
        aio_fildes: fd,
        aio_buf: views[view],
        aio_nbytes: BLOCK,
        aio_offset: block * BLOCK,
      });
      // EAGAIN is POSIX' back-pressure: too many for now.
      if (posix.aio_read(cb) === -1) over(posix.errno === posix.EAGAIN);
      else
        posix.completion(cb).then(
          (n) => over(n === BLOCK && stamps[(view * BLOCK) / 4] === block),
          () => over(false),
        );
    },
  ],
  'drop-in readFile': [
    2,
    (_on, _view, over) =>
      void dropIn.readFile(small, 'utf8').then(
        (text) => over(text === 'small'),
        () => over(false),
      ),
  ],
  'openat, close': [
    1,
    (_on, _view, over) => {
      ring.openat(-100, small, fs.constants.O_RDONLY, 0, (fd) => {
        if (fd < 0) over(false);
        else ring.close(fd, (n) => over(n === 0));
      });
    },
  ],
  fsync: [0.01, ({ fd }, _, over) => ring.fsync(fd, true, (n) => over(n === 0))],
};

/** A hundredth of a share each. */
const deck = Object.entries(KINDS).flatMap(([name, [share]]) => Array<string>(share * 100).fill(name));

function start(on: Subjects, view: number): void {
  const name = deck[random(deck.length)];
  let isOver = false;
  concurrent = Math.max(concurrent, ++running);
  KINDS[name][1](on, view, (ok) => {
    assert.ok(!isOver, `${name} has ended twice`);
    assert.ok(ok, `${name} has another result than its own`);
    isOver = true;
    running--;
    operations++;
    kinds[name] = (kinds[name] ?? 0) + 1;
    // Later: a request that is refused at once would be followed without end.
    if (goesOn) ended.push(view);
  });
}

/** Requests made in one go at the beginning: more would delay the event loop, whoever serves them. */
const BATCH = 1000;

/** What a program does that goes on: makes up for what has ended, and cancels what has been blocked the longest. */
async function work(on: Subjects, count: number, forMs: number): Promise<void> {
  goesOn = true;
  ended = [];
  const end = performance.now() + forMs;
  for (let begun = 0; performance.now() < end; ) {
    const views = ended;
    ended = [];
    for (const view of views) start(on, view);
    for (const until = Math.min(begun + BATCH, count); begun < until; begun++) start(on, begun);
    for (const id of blocked.splice(0, Math.max(0, blocked.length - count / 20))) ring.cancel(id, () => {});
    await nextTurn();
    if (begun < count) continue;
    atOnce.sum += running;
    atOnce.turns++;
  }
  goesOn = false;
  for (const id of blocked.splice(0)) ring.cancel(id, () => {});
  while (running > 0) await nextTurn();
}

async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    global.gc!();
    await nextTurn();
  }
  return process.memoryUsage().heapUsed;
}

makeFile();
const names = Array.from({ length: PIPES }, (_, i) => join(directory, `pipe${i}`));
execFileSync('mkfifo', names);
const on: Subjects = {
  fd: fs.openSync(path, 'r+'),
  file: await open(path),
  pipes: names.map((name) => fs.openSync(name, 'r+')),
  status: new Uint8Array(256),
};
// Everything there is once is made: rings, pools, code.
await work(on, 2000, 1000);
operations = 0;
atOnce = { sum: 0, turns: 0 };
const before = openDescriptors();
const heapBefore = await heap();
const delay = monitorEventLoopDelay({ resolution: 1 });
let rssMax = 0;
const look = setInterval(() => {
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
}, 200);
delay.enable();
await work(on, CONCURRENT, Number(seconds) * 1000);
delay.disable();
clearInterval(look);
const heapAfter = await heap();
const ms = (ns: number): number => Math.round(ns / 1e4) / 100;
const descriptors = openDescriptors() - before;
const load: Load = {
  operations,
  kinds,
  concurrent,
  concurrentMean: Math.round(atOnce.sum / atOnce.turns),
  delayMedian: ms(delay.percentile(50)),
  delay99: ms(delay.percentile(99)),
  delayMax: ms(delay.max),
  rssMax,
  heapBefore,
  heapAfter,
  descriptors,
  pins: native().pinCount(),
};
console.log(JSON.stringify(load));
await on.file.close();
await ring.close();
