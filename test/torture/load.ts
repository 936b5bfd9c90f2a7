// Load: as much at once as nobody should ask for, for a minute, with what it costs; a ring in a thread per core; and what
// a producer is told that is faster than its consumer.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNode } from '../support/program.js';
import { inWorker } from '../support/worker.js';
import type { Pressure } from './load-pressure.js';
import type { Load } from './load-work.js';
import type { Counts, Part, Trial } from './part.js';

const workProgram = fileURLToPath(new URL('load-work.js', import.meta.url));
const pressureProgram = fileURLToPath(new URL('load-pressure.js', import.meta.url));
const SECONDS = 60;
const HIGH_WATER_MARK = 1 << 16;
const MIB = 1 << 20;

const mixed: Part = {
  name: 'load/mixed',
  promise:
    '100,000 requests of every kind at once, for a minute: each ends once, with its own result, and nothing is left',
  rounds: { sample: 0, full: 1 },
  engines: 'each',
  open({ engine, directory }): Trial {
    return {
      async round(_random, seed): Promise<Counts> {
        const place = join(directory, String(seed));
        fs.mkdirSync(place);
        const { code, stdout, stderr } = await runNode([workProgram, place, `${seed}`, `${SECONDS}`], {
          env: { LINUX_AIO_ENGINE: engine },
          timeoutMs: (SECONDS + 120) * 1000,
        });
        fs.rmSync(place, { recursive: true });
        assert.equal(code, 0, stderr);
        const load = JSON.parse(stdout) as Load;
        assert.equal(load.concurrent, 100_000);
        assert.equal(load.descriptors, 0, 'descriptors are left open');
        const growth = load.heapAfter - load.heapBefore;
        assert.ok(growth < 64 * MIB, `the heap has grown by ${growth}`);
        return {
          seconds: SECONDS,
          'requests ended': load.operations,
          'wrong, lost or twice': 0,
          'max at once': load.concurrent,
          'max at once on average': load.concurrentMean,
          'max ms of event-loop delay, median': load.delayMedian,
          'max ms of event-loop delay, 99 %': load.delay99,
          'max ms of event-loop delay': load.delayMax,
          'max MiB resident': Math.ceil(load.rssMax / MIB),
          'max MiB of heap kept after it': Math.ceil(growth / MIB),
        };
      },
    };
  },
};

/** Reads for `ms` at a depth of 64, and says how many. */
const READER = `
  const ring = Ring.open();
  const fd = fs.openSync(data.file);
  const end = performance.now() + data.ms;
  let reads = 0, left = 64;
  for (let i = 0; i < 64; i++) {
    const view = new Uint8Array(4096);
    const next = () => {
      const block = (reads++ * 7919 + i) % 4096;
      ring.read(fd, view, block * 4096, (n) => {
        if (n !== 4096 || new DataView(view.buffer).getUint32(0, true) !== block) throw new Error('wrong: ' + n);
        if (performance.now() < end) return next();
        if (--left === 0) ring.close().then(() => { fs.closeSync(fd); post({ reads, engine: ring.engine }); });
      });
    };
    next();
  }`;

const cores: Part = {
  name: 'load/cores',
  promise: 'a ring in a thread for each core: they work side by side, and none gets another’s data',
  rounds: { sample: 1, full: 5 },
  engines: 'each',
  open({ engine, directory }): Trial {
    const file = join(directory, 'file');
    const content = new Uint32Array((4096 * 4096) / 4);
    for (let block = 0; block < 4096; block++) content[block * 1024] = block;
    fs.writeFileSync(file, content);
    const read = async (threads: number) => {
      // The engine of a worker is that of the process's environment, which it has a copy of.
      const data = { file, ms: 1000 };
      const source = `process.env.LINUX_AIO_ENGINE = '${engine}'; ${READER}`;
      const found = await Promise.all(Array.from({ length: threads }, () => inWorker(source, data)));
      return (found as { reads: number; engine: string }[]).reduce((sum, each) => {
        assert.equal(each.engine, engine);
        return sum + each.reads;
      }, 0);
    };
    return {
      async round(): Promise<Counts> {
        const alone = await read(1);
        const together = await read(availableParallelism());
        return {
          'seconds of each': 1,
          'reads by one thread': alone,
          'reads by one per core': together,
          wrong: 0,
        };
      },
    };
  },
};

const backPressure: Part = {
  name: 'load/back-pressure',
  promise:
    'a producer that is faster than its consumer is told to wait, and no more is kept than it was told',
  rounds: { sample: 1, full: 20 },
  engines: 'each',
  open({ directory, engine }): Trial {
    return {
      async round(random, seed): Promise<Counts> {
        const pipe = join(directory, `pipe${seed}`);
        execFileSync('mkfifo', [pipe]);
        // So large that its 64 chunks are more than the stream takes without a word.
        const chunk = HIGH_WATER_MARK / 32 + random(1 << 16);
        const args = [pressureProgram, pipe, `${HIGH_WATER_MARK}`, `${chunk}`];
        const { code, stdout, stderr } = await runNode(args, { env: { LINUX_AIO_ENGINE: engine } });
        assert.equal(code, 0, stderr);
        const { kept, waits, bytes } = JSON.parse(stdout) as Pressure;
        assert.ok(kept <= HIGH_WATER_MARK + chunk, `${kept} bytes were kept`);
        assert.ok(waits > 0, 'nobody was told to wait');
        return { 'bytes through a pipe': bytes, 'times told to wait': waits, 'max bytes kept': kept };
      },
    };
  },
};

export const loads: readonly Part[] = [mixed, cores, backPressure];
