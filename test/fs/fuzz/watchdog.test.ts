// A fuzzer that hangs says nothing: neither which call it was nor that anything is wrong.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type Outcome, runNode } from '../../support/program.js';
import { temporaryDirectory } from '../../support/temp.js';

const watchdog = new URL('./watchdog.js', import.meta.url).href;

/** Runs `source` with what the watchdog exports, `fs`, `directory`, and `fifo` in it, a pipe that nobody writes to. */
async function watched(t: TestContext, source: string): Promise<Outcome & { directory: string }> {
  const directory = temporaryDirectory(t);
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const program = `
    import fs from 'node:fs';
    import { doing, resting, watch } from '${watchdog}';
    const [directory, fifo] = ${JSON.stringify([directory, fifo])};
    ${source}`;
  return { ...(await runNode(['--input-type=module', '-e', program])), directory };
}

test('a call that holds a thread of the pool ends the process, and is named with the system call', async (t) => {
  const { signal, timedOut, stderr, directory } = await watched(
    t,
    `
    watch(directory, 300);
    doing('seed 7, call 3');
    fs.read(fs.openSync(fifo, 'r+'), Buffer.alloc(12), () => {});`,
  );
  assert.deepEqual({ signal, timedOut }, { signal: 'SIGKILL', timedOut: false }, stderr);
  assert.match(stderr, /^HANGS: seed 7, call 3\n/);
  assert.match(stderr, /^ {2}thread \d+ .*, 0 0x[0-9a-f]+ 0x[0-9a-f]+ 0xc /m); // read(fd, buffer, 12)
  assert.equal(fs.existsSync(directory), false);
});

test('a main thread that hangs ends the process as well', async (t) => {
  const { signal, timedOut, stderr } = await watched(
    t,
    `
    watch(directory, 300);
    doing('seed 8, call 4');
    fs.readSync(fs.openSync(fifo, 'r+'), Buffer.alloc(12));`,
  );
  assert.deepEqual({ signal, timedOut }, { signal: 'SIGKILL', timedOut: false }, stderr);
  assert.match(stderr, /^HANGS: seed 8, call 4\n/);
});

test('what comes after the last call is not watched, and the watchdog keeps no process alive', async (t) => {
  const { code, signal, stderr } = await watched(
    t,
    `
    watch(directory, 100);
    doing('seed 9, call 5');
    resting();
    setTimeout(() => console.error('over'), 1000);`,
  );
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: 'over\n' });
});
