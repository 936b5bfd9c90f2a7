// What is answered inside the call, where the kernel or a filter does not let it: then the ring does it. And one file that
// may not be opened is no reason to ask for no other.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { type ProgramOptions, packageRoot, runProgram } from '../support/program.js';
import { launched, NO_LAUNCHER, NOT_ROOT } from './launcher.js';

const ENGINES = ['io_uring', 'native', 'threads'];
/** A file of the package, for anybody to read. */
const PATH = JSON.stringify(join(packageRoot, 'package.json'));

/** What a program answers, in which `requests(call)` counts those that a call makes of the ring, in a turn of its own. */
async function answerOf(t: TestContext, engine: string, source: string, options: ProgramOptions) {
  const { stdout, stderr, code } = await runProgram(PRELUDE + source, {
    ...options,
    env: { LINUX_AIO_ENGINE: engine },
  });
  if (/cannot be used|not permitted|refused/.test(stderr)) return t.skip(`no ${engine} here: ${stderr}`);
  assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
  return JSON.parse(stdout);
}

const PRELUDE = `
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import aioFs from 'linux-aio/fs';
import { open } from 'linux-aio';
const path = ${PATH};
const content = fs.readFileSync(path);
async function requests(call) {
  await turn();
  const before = defaultRing().stats.submitted;
  await call();
  return defaultRing().stats.submitted - before;
}
`;

for (const engine of ENGINES) {
  describe(`on ${engine}`, () => {
    test('a file that may not be opened so is EPERM, and others are opened inside the call', {
      skip: NOT_ROOT,
    }, async (t) => {
      const source = `
        const code = await open(path, fs.constants.O_NOATIME).catch((error) => error.code);
        let file;
        const made = await requests(async () => { file = await open(path); });
        await file.close();
        console.log(JSON.stringify([code, made]));`;
      const answer = await answerOf(t, engine, source, { launcher: launched('--user=65534') });
      if (answer !== undefined) assert.deepEqual(answer, ['EPERM', 0]);
    });

    for (const error of ['EPERM', 'ENOSYS']) {
      test(`without openat2 (${error}) files are opened by requests`, { skip: NO_LAUNCHER }, async (t) => {
        const source = `
          let file;
          const made = await requests(async () => { file = await open(path); });
          const text = await file.readFile('utf8');
          const { size } = await promisify(aioFs.stat)(path);
          await file.close();
          const missing = await open(path + '?').catch(({ code }) => code);
          console.log(JSON.stringify([made, text === String(content), size === content.length, missing]));`;
        const answer = await answerOf(t, engine, source, { launcher: launched(`--openat2=${error}`) });
        if (answer !== undefined) assert.deepEqual(answer, [1, true, true, 'ENOENT']);
      });
    }

    test('0 bytes of the page cache are the end of the file only where the file ends', {
      skip: NO_LAUNCHER,
    }, async (t) => {
      const source = `
        const fd = fs.openSync(path);
        const view = Buffer.alloc(64);
        const count = [];
        for (const at of [0, 100, content.length - 4, content.length, content.length + 9]) {
          count.push((await promisify(aioFs.read)(fd, view, 0, 64, at)).bytesRead);
          count.push((await promisify(aioFs.readv)(fd, [view], at)).bytesRead);
        }
        console.log(JSON.stringify([count, (await aioFs.promises.readFile(path)).equals(content)]));`;
      const answer = await answerOf(t, engine, source, { launcher: launched('--cached=nothing') });
      if (answer !== undefined) assert.deepEqual(answer, [[64, 64, 64, 64, 4, 4, 0, 0, 0, 0], true]);
    });
  });
}
