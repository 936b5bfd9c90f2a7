// Things wrong on purpose, one of each kind that a sanitizer is there for. A run in which it does not report them would
// say nothing where it reports none.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineName } from 'linux-aio';
import { type Outcome, runProgram } from '../support/program.js';
import { ADDRESS, type Plant, Sanitized, type Sanitizer, THREADS } from '../support/sanitizers.js';

export const PLANTS = new Map<Sanitizer, readonly Plant[]>([
  [
    ADDRESS,
    [
      {
        name: 'overflow',
        file: 'native/fds.c',
        find: 'realloc(open->bits, size / 8)',
        replace: 'realloc(open->bits, size / 8 - 1)',
        reported: /heap-buffer-overflow/,
      },
      {
        name: 'use after free',
        file: 'native/queues.c',
        find: 'if (--q->holders == 0) free(q);',
        replace: 'if (--q->holders == 1) free(q);',
        reported: /heap-use-after-free/,
      },
      {
        name: 'undefined shift',
        file: 'native/fds.c',
        find: '|= 1 << fd % 8;',
        replace: '|= 1 << fd;',
        reported: /AddressSanitizer: ILL.*\n.*native\/fds\.c/,
      },
    ],
  ],
  [
    THREADS,
    [
      {
        name: 'race',
        file: 'native/pool-workers.c',
        find: 'pthread_mutex_lock(&ws->lock);\n      ws->busy--;',
        replace: 'ws->busy--;\n      pthread_mutex_lock(&ws->lock);',
        reported: /data race.*\n(.*\n){0,4}.*native\/pool-workers\.c/,
      },
    ],
  ],
]);

/** Goes through all of that, on any engine: whole files are the pool's. */
const PROGRAM = `
  import { join } from 'node:path';
  import { setImmediate as nextTurn } from 'node:timers/promises';
  import { promises } from 'linux-aio/fs';
  const path = (i) => join(process.argv[1], 'file-' + i);
  for (let round = 0; round < 5; round++)
    await Promise.all(Array.from({ length: 64 }, (_, i) => promises.writeFile(path(i), Buffer.alloc(50_000, i))));
  const descriptors = Array.from({ length: 40 }, (_, i) => fs.openSync(path(i)));
  let ring = Ring.open();
  // All but the first wait for their turn, with a duplicate of the descriptor.
  await Promise.all(Array.from({ length: 20 }, () =>
    result((done) => ring.read(descriptors[39], Buffer.alloc(1000), -1, done))));
  await ring.close();
  ring = null;
  for (let turn = 0; turn < 5; turn++) {
    gc();
    await nextTurn();
  }
  console.log('exercised');
`;

/**
 * Throws when the sanitizer reports anything of the sources as they are, or nothing of what is wrong on purpose.
 *
 * @param directory for files and reports
 */
export async function checkPlants(
  sanitizer: Sanitizer,
  engine: EngineName,
  directory: string,
): Promise<void> {
  const run = async (plant?: Plant): Promise<Outcome & { reports: string[] }> => {
    const reports = join(directory, `reports of ${plant?.name ?? 'none'}`.replaceAll(' ', '-'));
    mkdirSync(reports);
    const sanitized = new Sanitized(sanitizer, reports, plant);
    const env = { ...sanitized.environment, LINUX_AIO_ENGINE: engine };
    const outcome = await runProgram(PROGRAM, { env, args: [directory] });
    return { ...outcome, reports: sanitized.reports() };
  };
  const sound = await run();
  assert.deepEqual([sound.stdout, sound.code, sound.reports], ['exercised\n', 0, []], sound.stderr);
  for (const plant of PLANTS.get(sanitizer)!) {
    const { reports, stderr } = await run(plant);
    assert.match(reports.join('\n'), plant.reported, `no report of the ${plant.name}: ${stderr}`);
  }
}
