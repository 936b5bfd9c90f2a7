// Whole files where something goes wrong that no local disk does on demand: close(2) fails, signals rain, and somebody
// else holds a lease on the file. What node:fs does is what is right.
//
// Guards native/pool-whole-file.c and src/fs/whole-file.ts.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import nodeFs from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import fs from 'linux-aio/fs';
import { packageRoot, runProgram } from '../support/program.js';
import { nextTurn } from '../support/ring.js';
import { openDescriptors, temporaryDirectory } from '../support/temp.js';
import { FaultFs, noFaultfs } from '../torture/faultfs.js';

type Fs = typeof nodeFs;
type Call = (path: string) => Promise<unknown>;

const idle = new AbortController().signal;

/** Every way to read or write a whole file, of one implementation. */
function callsOf(of: Fs): Record<string, Call> {
  const open = async (path: string, flags: string) => (await of.promises.open(path, flags)).close();
  const callback = promisify(of.writeFile) as (path: string, data: string) => Promise<void>;
  return {
    'promises.readFile': (path) => of.promises.readFile(path, 'utf8'),
    'promises.writeFile': (path) => of.promises.writeFile(path, 'text'),
    'promises.appendFile': (path) => of.promises.appendFile(path, 'text'),
    readFile: (path) => promisify(of.readFile)(path, 'utf8'),
    writeFile: (path) => callback(path, 'text'),
    appendFile: (path) => promisify(of.appendFile)(path, 'text'),
    // Not in one hop.
    'promises.readFile with a signal': (path) => of.promises.readFile(path, { signal: idle }),
    'promises.writeFile with a signal': (path) => of.promises.writeFile(path, 'text', { signal: idle }),
    'promises.truncate': (path) => of.promises.truncate(path, 2),
    'open and close to read': (path) => open(path, 'r'),
    'open and close to write': (path) => open(path, 'r+'),
  };
}

/** Calls at once: so many that workers take what goes in one hop. */
const AT_ONCE = 24;

const theirs = callsOf(nodeFs);
const ours = callsOf(fs as Fs);
const NAMES = Object.keys(ours);

function described(error: NodeJS.ErrnoException): unknown {
  const { name, code, errno, syscall, path, message } = error;
  const errors = error instanceof AggregateError ? error.errors.map(described) : undefined;
  return { name, code, errno, syscall, path, message, errors };
}

/** A result, or what an Error says. */
async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return { result: await call };
  } catch (error) {
    return described(error as NodeJS.ErrnoException);
  }
}

describe('a whole file whose close(2) fails', { skip: noFaultfs() }, () => {
  let mounted: FaultFs;
  const directories: string[] = [];
  before(async () => {
    const directory = nodeFs.mkdtempSync('/tmp/linux-aio-');
    directories.push(directory);
    mounted = await FaultFs.mount(directory);
    // What a process has once, rings and a pool, is there before descriptors are counted.
    const warm = Array.from({ length: 24 }, () => ours['promises.writeFile'](join(directory, 'warm')));
    await Promise.all(warm);
  });
  after(async () => {
    await mounted?.unmount();
    for (const directory of directories) nodeFs.rmSync(directory, { recursive: true, force: true });
  });

  for (const error of ['EIO', 'ENOSPC', 'EDQUOT'] as const) {
    const errno = constants.errno[error];
    for (const name of NAMES) {
      it(`is ${error} as node:fs says it, in ${name}, and nothing stays open`, async () => {
        const file = `flush-${error}`;
        const path = join(mounted.path, file);
        const fresh = () => nodeFs.writeFileSync(join(mounted.backing, file), 'content');
        fresh();
        const expected = await outcomeOf(theirs[name](path));
        const written = nodeFs.readFileSync(join(mounted.backing, file), 'utf8');
        assert.equal((expected as { errno?: number }).errno, -errno, 'the file system does not fail');
        fresh();
        const open = openDescriptors();
        assert.deepEqual(await outcomeOf(ours[name](path)), expected);
        assert.equal(nodeFs.readFileSync(join(mounted.backing, file), 'utf8'), written);
        // Many at once, so that workers take them.
        const all = await Promise.all(Array.from({ length: AT_ONCE }, () => outcomeOf(ours[name](path))));
        for (const one of all) assert.deepEqual(one, expected);
        assert.equal(openDescriptors(), open);
      });
    }
  }

  for (const fault of ['read', 'write'] as const) {
    for (const name of NAMES) {
      it(`after an error of a ${fault} is told beside that one, in ${name}`, async () => {
        const file = `${fault}-EIO,flush-ENOSPC`;
        nodeFs.writeFileSync(join(mounted.backing, file), 'content');
        const path = join(mounted.path, file);
        const expected = await outcomeOf(theirs[name](path));
        const all = Array.from({ length: AT_ONCE }, () => outcomeOf(ours[name](path)));
        for (const one of await Promise.all(all)) assert.deepEqual(one, expected);
        assert.deepEqual(await outcomeOf(ours[name](path)), expected);
      });
    }
  }

  it('and signals that come all the time leave the contents right', async () => {
    const { stdout, stderr, code } = await runProgram(
      `const { promises } = await import('linux-aio/fs');
       const { spawn } = await import('node:child_process');
       let received = 0;
       process.on('SIGUSR2', () => received++);
       const storm = spawn('/bin/sh', ['-c', 'while kill -s USR2 ' + process.pid + '; do :; done']);
       const paths = Array.from({ length: 12 }, (_, i) => process.argv[1] + '/read-jitter-4,write-jitter-4,' + i);
       const contents = paths.map((_, i) => String(i).repeat(20_000));
       for (let round = 0; round < 3; round++) {
         await Promise.all(paths.map((path, i) => promises.writeFile(path, contents[i])));
         const found = await Promise.all(paths.map((path) => promises.readFile(path, 'utf8')));
         for (const [i, text] of found.entries()) if (text !== contents[i]) console.log('file', i, text.length);
       }
       storm.kill('SIGKILL');
       storm.once('close', () => setTimeout(() => {
         console.log(received > 0 ? 'right' : 'no signal came');
         process.exit();
       }, 50));`,
      { args: [mounted.path] },
    );
    assert.deepEqual([stdout, stderr, code], ['right\n', '', 0]);
  });
});

// ── leases ─────────────────────────────────────────────────────────────────────────────────────────────────────

const holder = join(nodeFs.mkdtempSync('/tmp/linux-aio-'), 'lease');
after(() => nodeFs.rmSync(join(holder, '..'), { recursive: true, force: true }));

function noLeases(): string | false {
  try {
    const source = join(packageRoot, 'test', 'fs', 'lease.c');
    execFileSync(process.env['CC'] ?? 'cc', ['-o', holder, source], { stdio: 'pipe' });
    return false;
  } catch (error) {
    return `lease.c cannot be compiled here: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** Another process that has a lease on the file. */
async function leased(t: TestContext, path: string) {
  const child = spawn(holder, [path], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  const says = async (word: string) => {
    while (!said.includes(word)) {
      assert.equal(child.exitCode, null, `the holder of the lease has ended: ${said}`);
      await nextTurn();
    }
  };
  await says('leased');
  return {
    wanted: () => says('wanted'),
    giveUp: async () => {
      child.stdin.write('\n');
      await once(child, 'close');
    },
  };
}

describe('a file on which somebody else has a lease', { skip: noLeases() }, () => {
  for (const name of NAMES) {
    it(`is waited for by ${name}, as by node:fs`, async (t) => {
      const path = join(temporaryDirectory(t), 'file');
      const other = `${path}-other`;
      const outcomes: unknown[] = [];
      for (const calls of [theirs, ours]) {
        nodeFs.writeFileSync(path, 'content');
        const lease = await leased(t, path);
        let isSettled = false;
        const outcome = outcomeOf(calls[name](path)).finally(() => {
          isSettled = true;
        });
        await lease.wanted();
        // Nobody else waits meanwhile.
        for (let i = 0; i < 20; i++) await calls['promises.writeFile'](other);
        assert.equal(isSettled, false, 'it did not wait');
        await lease.giveUp();
        outcomes.push([await outcome, nodeFs.readFileSync(path, 'utf8')]);
      }
      assert.deepEqual(outcomes[1], outcomes[0]);
    });
  }
});
