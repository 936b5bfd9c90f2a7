// `aio models` as it is installed: spawned, with its exit codes and what it leaves behind.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../support/program.js';

const script = join(packageRoot, 'dist', 'cli', 'aio.js');
const directory = mkdtempSync(join(tmpdir(), 'aio-models-test-'));
after(() => rmSync(directory, { recursive: true }));
const env: NodeJS.ProcessEnv = { ...process.env, TMPDIR: directory, LINUX_AIO_ENGINE: '' };

const models = (...args: string[]) =>
  spawnSync(process.execPath, [script, 'models', ...args], { encoding: 'utf8', env });
/** Few and short: these tests are about behaviour, never about figures. */
const QUICK = ['--blocks', '2', '--delay', '2ms', '--compute', '1ms'];

describe('aio models, wrongly used', () => {
  const usage = (message: RegExp, ...args: string[]) => {
    const { status, stdout, stderr } = models(...args);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /, 'no stack');
  };

  it('exits with 2 for an unknown option, with a suggestion', () => {
    usage(
      /aio models: unknown option '--htlm' \(did you mean --html\?\)\nTry: aio models --help/,
      '--htlm',
      'x',
    );
  });

  it('exits with 2 when the page cannot be written, before anything is measured', () => {
    const path = join(directory, 'no', 'such', 'page.html');
    usage(/--html: .*page\.html cannot be written: ENOENT/, '--html', path);
    usage(/is a directory/, '--html', directory);
  });
});

describe('aio models', () => {
  it('has a help text with examples', () => {
    const { status, stdout } = models('--help');
    assert.equal(status, 0);
    assert.match(stdout, /Options:\n.*Examples:\n.*aio models --html.*Exit codes:\n/s);
    for (const line of stdout.split('\n')) assert.ok([...line].length <= 80, line);
  });

  it('prints a report without colour and without progress in a pipe, and leaves no child behind', () => {
    const { status, stdout, stderr } = models(...QUICK, '--models', 'blocking,select,fs-promises');
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    assert.ok(!stdout.includes('\u001b'));
    assert.match(stdout, /Figure 2: read; system calls per block: 1\n/);
    assert.match(stdout, /Figure 4: select, then read/);
  });

  it('prints every event as JSON', () => {
    const { status, stdout, stderr } = models(...QUICK, '--models', 'select', '--json', '--source', 'socket');
    assert.equal(status, 0, stderr);
    const { job, results } = JSON.parse(stdout);
    assert.deepEqual(job, { source: 'socket', blocks: 2, blockBytes: 4096, delayMs: 2, computeMs: 1 });
    const [{ model, figure, asynchronous, blocking, recording }] = results;
    assert.deepEqual(
      { model, figure, asynchronous, blocking },
      {
        model: 'select',
        figure: 4,
        asynchronous: true,
        blocking: true,
      },
    );
    assert.equal(recording.reads.length, 2);
    const texts = recording.marks.map((mark: { text: string }) => mark.text);
    assert.deepEqual(texts.slice(0, 6), ['read', 'EAGAIN', 'select', 'readable', 'read', 'data']);
  });

  it('runs every model on a socket', () => {
    const { status, stdout, stderr } = models(
      ...QUICK,
      '--json',
      '--source',
      'socket',
      '--ioengine',
      'threads',
    );
    assert.equal(status, 0, stderr);
    assert.equal(JSON.parse(stdout).results.length, 8);
  });

  it('reads a file with O_DIRECT, where O_NONBLOCK and select change nothing', (t) => {
    const args = ['--source', 'file', '--blocks', '3', '--json', '--ioengine', 'threads'];
    const { status, stdout, stderr } = models(...args);
    if (stderr.includes('O_DIRECT')) return t.skip('no O_DIRECT in the temporary directory');
    assert.equal(status, 0, stderr);
    const { results } = JSON.parse(stdout);
    assert.equal(results.length, 8);
    for (const { recording } of results) assert.equal(recording.eagain, 0);
    assert.deepEqual(readdirSync(directory), []);
  });

  it('exits with 1 and says why where the addon is missing', () => {
    const without = { ...env, LINUX_AIO_ADDON: join(directory, 'no-addon.node') };
    const { status, stderr } = spawnSync(process.execPath, [script, 'models', ...QUICK], {
      encoding: 'utf8',
      env: without,
    });
    assert.equal(status, 1);
    assert.match(stderr, /^aio models: linux-aio has no compiled addon/);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });

  it('writes a page with --html, over one that is there', () => {
    const path = join(directory, 'page.html');
    writeFileSync(path, 'old');
    const { status, stderr } = models(...QUICK, '--models', 'blocking', '--html', path);
    assert.equal(status, 0, stderr);
    assert.match(readFileSync(path, 'utf8'), /^<!doctype html>/);
    rmSync(path);
  });
});

describe('aio models, interrupted', () => {
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`exits with ${expected} on ${signal}; file, page and processes are gone`, async () => {
      const page = join(directory, 'never.html');
      const args = ['models', '--models', 'blocking', '--blocks', '1000', '--delay', '50ms', '--html', page];
      const stdio = ['ignore', 'ignore', 'pipe'] as const;
      const child = spawn(process.execPath, [script, ...args], { env, stdio: [...stdio], detached: true });
      let text = '';
      child.stderr!.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      // Until the device and the process of the model are there.
      for (let tries = 0; childrenOf(child.pid!).length < 2; tries++) {
        assert.ok(tries < 400 && child.exitCode === null, `no children: ${text}`);
        await sleep(25);
      }
      const children = childrenOf(child.pid!);
      process.kill(-child.pid!, signal); // to the whole group, as a terminal does
      const [code] = await once(child, 'close');
      assert.equal(code, expected, text);
      assert.equal(text, '');
      assert.equal(existsSync(page), false);
      for (const pid of children) {
        for (let tries = 0; isRunning(pid); tries++) {
          assert.ok(tries < 400, `process ${pid} is still there`);
          await sleep(25);
        }
      }
    });
  }

  function childrenOf(pid: number): number[] {
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
        .trim()
        .split(' ')
        .filter(Boolean)
        .map(Number);
    } catch {
      return []; // it has ended
    }
  }

  function isRunning(pid: number): boolean {
    try {
      return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
    } catch {
      return false;
    }
  }
});
