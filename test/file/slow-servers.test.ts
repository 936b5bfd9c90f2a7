// Opening waits for the file system's server even where the path is in the kernel's memory: never on the event loop's thread.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runProgram } from '../support/program.js';
import { temporaryDirectory } from '../support/temp.js';
import { FaultFs, noFaultfs } from '../torture/faultfs.js';

const OPENS = {
  'open()': '(await open(path)).close()',
  'fs.promises.open': '(await aioFs.promises.open(path)).close()',
  'fs.promises.readFile': 'aioFs.promises.readFile(path)',
  'fs.readFile': 'promisify(aioFs.readFile)(path)',
};

const skip = noFaultfs();

describe('a server that does not answer an open keeps nobody else waiting', { skip }, () => {
  for (const [name, call] of Object.entries(OPENS)) {
    for (const isOverBudget of [false, true]) {
      test(`${name}${isOverBudget ? ', when the turn has had its share' : ''}`, async (t) => {
        const faultfs = await FaultFs.mount(temporaryDirectory(t), false, true);
        try {
          const path = join(faultfs.path, 'open-hang');
          fs.writeFileSync(join(faultfs.backing, 'open-hang'), 'text');
          const outcome = await runProgram(
            `
            import { setImmediate as turn } from 'node:timers/promises';
            import { promisify } from 'node:util';
            import aioFs from 'linux-aio/fs';
            import { open } from 'linux-aio';
            const path = ${JSON.stringify(path)};
            await (await open(process.execPath)).close(); // a ring
            await turn();
            fs.statSync(path);
            if (${isOverBudget}) for (const end = performance.now() + 5; performance.now() < end; ) {
              void aioFs.promises.stat(process.execPath);
            }
            const opening = (async () => ${call.startsWith('(') ? call : `await ${call}`})();
            for (let i = 0; i < 10; i++) await turn();
            console.log('goes on');
            fs.mkdirSync(${JSON.stringify(join(faultfs.path, 'release'))});
            await opening;
            console.log('done');
            `,
            { timeoutMs: 10_000 },
          );
          assert.deepEqual([outcome.stdout, outcome.stderr], ['goes on\ndone\n', '']);
        } finally {
          // Where it fails, a process waits for the server in the kernel.
          await faultfs.kill();
          await faultfs.unmount();
        }
      });
    }
  }
});
