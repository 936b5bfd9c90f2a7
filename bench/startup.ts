// `npm run bench -- startup [ROUNDS]`: what it costs a program to load the package: the time from the start of a process
// that does nothing to its end, and its memory, without it, with a file that is empty, and with the drop-in.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fixtures } from './fixtures.js';
import { median } from './results.js';

const ROUNDS = 41;
const program = 'gc(); console.log(JSON.stringify(process.memoryUsage()))';
const ours = (file: string) => fileURLToPath(new URL(`../../dist/${file}`, import.meta.url));

interface Figures {
  readonly milliseconds: number[];
  readonly heap: number[];
  readonly rss: number[];
}

/** Processes one after the other, of each kind in turn. */
export function startup(args: readonly string[]): void {
  const rounds = Number(args[0] ?? ROUNDS);
  const fixtures = new Fixtures();
  try {
    const empty = join(fixtures.folder, 'empty.mjs');
    writeFileSync(empty, '');
    const kinds = new Map<string, readonly string[]>([
      ['node', []],
      ['an empty module', ['--import', empty]],
      ['linux-aio/register', ['--import', ours('fs/register.js')]],
      ['linux-aio', ['--import', ours('index.js')]],
      ['linux-aio/posix', ['--import', ours('posix/index.js')]],
    ]);
    const figures = new Map<string, Figures>();
    for (const kind of kinds.keys()) figures.set(kind, { milliseconds: [], heap: [], rss: [] });
    for (let round = -1; round < rounds; round++) {
      for (const [kind, options] of kinds) {
        const began = performance.now();
        const { stdout } = spawnSync(process.execPath, ['--expose-gc', ...options, '-e', program], {
          encoding: 'utf8',
        });
        const milliseconds = performance.now() - began;
        const { heapUsed, rss } = JSON.parse(stdout) as NodeJS.MemoryUsage;
        if (round < 0) continue; // the first of each finds its files on the disk
        figures.get(kind)!.milliseconds.push(milliseconds);
        figures.get(kind)!.heap.push(heapUsed / 1e6);
        figures.get(kind)!.rss.push(rss / 1e6);
      }
    }
    console.log(`Node ${process.version}, ${rounds} processes of each, medians\n`);
    console.log('| loaded | ms | heap, MB | resident, MB |\n|---|---:|---:|---:|');
    for (const [kind, { milliseconds, heap, rss }] of figures) {
      const cells = [median(milliseconds).toFixed(0), median(heap).toFixed(1), median(rss).toFixed(0)];
      console.log(`| ${kind} | ${cells.join(' | ')} |`);
    }
  } finally {
    fixtures.remove();
  }
}
