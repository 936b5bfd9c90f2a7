// The number of system calls that `aio models` reports, against strace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import type { FindingsJson } from '#dist/cli/models/findings.js';
import { refusal } from '../support/engines.js';
import { packageRoot } from '../support/program.js';
import { temporaryDirectory } from '../support/temp.js';

const BLOCKS = 30;
/** Calls that Node makes now and then for itself. */
const SLACK = 10;

const skip = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0 ? false : 'no strace here';

/** What strace saw in the process of the model between the beginning and the end of the recording. */
function traced(t: TestContext, model: string, engine: string | null) {
  const directory = temporaryDirectory(t);
  const options = ['--models', model, ...(engine === null ? [] : ['--ioengine', engine])];
  const job = ['--json', '--blocks', `${BLOCKS}`, '--delay', '5ms', '--compute', '1ms'];
  const aio = [process.execPath, join(packageRoot, 'dist', 'cli', 'aio.js'), 'models', ...options, ...job];
  const { status, stdout, stderr } = spawnSync('strace', ['-ff', '-o', join(directory, 't'), ...aio], {
    encoding: 'utf8',
    env: { ...process.env, LINUX_AIO_ENGINE: '' },
  });
  assert.equal(status, 0, stderr);
  const [{ recording }] = (JSON.parse(stdout) as FindingsJson).results;
  // Of repeated runs the last is as good as any: all make the same calls. Recordings open this file at their beginning.
  const isBegin = (line: string): boolean => line.startsWith('openat(') && line.includes('/schedstat"');
  const traces = readdirSync(directory)
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
    .map((name) => readFileSync(join(directory, name), 'latin1').split('\n'));
  const lines = traces.findLast((trace) => trace.some(isBegin))!;
  const begins = lines.flatMap((line, i) => (isBegin(line) ? [i] : []));
  // Before, after the blocks that warm up, before, after.
  assert.equal(begins.length, 4);
  const seen: Record<string, number> = {};
  for (const line of lines.slice(begins[2], begins[3])) {
    const name = line.slice(0, line.indexOf('('));
    if (/^\w+$/.test(name)) seen[name] = (seen[name] ?? 0) + 1;
  }
  return { seen, reported: recording.systemCalls.thread };
}

describe('system calls, as strace sees them', { skip }, () => {
  for (const [model, engine, names] of [
    ['select', null, ['read', 'select']],
    [
      'aio-signal',
      'io_uring',
      ['read', 'write', 'enter', 'fcntl', 'statx', 'close', 'rt_tgsigqueueinfo', 'gettid'],
    ],
    ['aio-callback', 'io_uring', ['read', 'enter', 'fcntl', 'statx', 'close']],
    ['fs-promises', null, ['read']],
  ] as const) {
    const missing = engine === null ? false : refusal(engine);
    test(`${model}${engine === null ? '' : ` on ${engine}`}: ${names.join(', ')}`, { skip: missing }, (t) => {
      const { seen, reported } = traced(t, model, engine);
      // By their names on any CPU: newer ones have only the variants with a time limit as struct.
      const other: Record<string, string> = { enter: 'io_uring_enter', select: 'pselect6' };
      for (const name of names) {
        const requests = name === 'write' ? BLOCKS : 0;
        const count = (seen[name] ?? 0) + (seen[other[name]] ?? 0) - requests;
        const report = `${name}: reported ${reported[name]}, seen ${count}`;
        assert.ok(Math.abs(count - reported[name]) <= SLACK, report);
        // Not of every block where this process had to wait for a processor: its data was there at the first look.
        assert.ok(reported[name] > BLOCKS / 2, report);
      }
      // No kind of call is missing from the report, but for what the experiment itself does.
      const known = new Set([...Object.keys(reported), 'io_uring_enter', 'pselect6', 'epoll_pwait']);
      const own = new Set(['clock_gettime', 'write', 'futex', 'munmap', 'mmap', 'madvise', 'mprotect']);
      for (const [name, count] of Object.entries(seen)) {
        assert.ok(known.has(name) || own.has(name) || count < BLOCKS, `${name} was called ${count} times`);
      }
    });
  }
});
