// What tests of <aio.h> share: control blocks, waiting for them, and what a call that fails must look like.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import type { TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as aio from 'linux-aio/posix';
import { HANG_MS } from './ring.js';
import { type Pipe, temporaryFile } from './temp.js';

export { aio, nextTurn };
export type Cleanup = Pick<TestContext, 'after'>;

/** A request that is not over after so long never will be. */
export const LONG: aio.timespec = { tv_sec: HANG_MS / 1000, tv_nsec: 0 };
export const NOW: aio.timespec = { tv_sec: 0, tv_nsec: 0 };

/** Any descriptor number that is not open. */
export const CLOSED_FD = 1_000_000;

/** A control block over a buffer of its own, unless `init` brings one. */
export function block(fd: number, size: number, init: Partial<aio.aiocb> = {}): aio.aiocb {
  return new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(size), aio_nbytes: size, ...init });
}

/** A control block that writes `text`. */
export function writing(fd: number, text: string | Uint8Array, init: Partial<aio.aiocb> = {}): aio.aiocb {
  const data = Buffer.from(text as string);
  return block(fd, data.length, { aio_buf: data, ...init });
}

export const textOf = (cb: aio.aiocb, length = cb.aio_nbytes!): string =>
  (cb.aio_buf as Buffer).toString('latin1', 0, length);

/** Blocks until the request is over. */
export function over(...list: aio.aiocb[]): void {
  for (const cb of list) {
    let result = aio.aio_suspend([cb], 1, LONG);
    // A signal of an earlier test may still be on its way.
    while (result === -1 && aio.errno === aio.EINTR) result = aio.aio_suspend([cb], 1, LONG);
    assert.equal(result, 0, `aio_suspend failed with ${nameOf(aio.errno)}`);
  }
}

export interface Status {
  error: string;
  result: number;
}

/** Waits for the request and collects it: its error by name (0: none) and its result. */
export function collected(cb: aio.aiocb): Status {
  over(cb);
  const error = aio.aio_error(cb);
  return { error: nameOf(error), result: aio.aio_return(cb) };
}

export const succeeded = (result: number): Status => ({ error: '0', result });
export const failed = (error: string): Status => ({ error, result: -1 });

/** The call must return -1 and set errno. */
export function fails(result: unknown, errno: string): void {
  const found = aio.errno;
  assert.equal(result, -1);
  assert.equal(nameOf(found), errno);
}

/** The call must have queued the request. */
export function queued(result: unknown): void {
  assert.equal(result, 0, `the call failed with ${nameOf(aio.errno)}`);
}

const names = new Map<number, string>([[0, '0']]);
for (const [name, value] of Object.entries(aio)) {
  if (/^E[A-Z]+$/.test(name) && typeof value === 'number') names.set(value, name);
}

/** The name of an error number, as far as <aio.h> has it. */
export const nameOf = (errno: number): string => names.get(errno) ?? String(errno);

/** Lets the event loop turn until `condition` holds. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const deadline = performance.now() + HANG_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `${what} does not come`);
    await nextTurn();
  }
}

/**
 * Lets anything that is on its way arrive: for "exactly once". Not drain(): some tests have requests in progress, and in
 * a test that failed they end only with the hooks that close its descriptors.
 */
export async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await nextTurn();
}

/** Notifications by callback, as they come. */
export class Callbacks {
  readonly values: unknown[] = [];

  sigevent(value: unknown): aio.sigevent {
    return {
      sigev_notify: aio.SIGEV_THREAD,
      sigev_value: value,
      sigev_notify_function: (got: unknown) => this.values.push(got),
    };
  }

  /** Waits for so many, and then for more of them. */
  async exactly(count: number): Promise<unknown[]> {
    await until(() => this.values.length >= count, `notification ${this.values.length + 1} of ${count}`);
    await settled();
    assert.equal(this.values.length, count);
    return this.values;
  }
}

export function signal(signo: number, value: unknown): aio.sigevent {
  return { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: signo, sigev_value: value };
}

/** Handles a signal until the test is over; what came. */
export function handled(t: Cleanup, signo: number): aio.siginfo[] {
  const infos: aio.siginfo[] = [];
  const handler = { sa_sigaction: (_: number, info: aio.siginfo) => void infos.push(info) };
  assert.equal(aio.sigaction(signo, handler), 0);
  t.after(async () => {
    await settled(); // the default action of a signal still to come would end the process
    aio.sigaction(signo, null);
  });
  return infos;
}

/** A limit for the length of a test: `limited(t, aio._SC_AIO_MAX, 4)`. */
export function limited(t: Cleanup, name: number, value: number): void {
  const before = aio.sysconf(name);
  assert.equal(aio.setsysconf(name, value), 0);
  t.after(() => aio.setsysconf(name, before));
}

/** A control block that reads an empty pipe: in progress until data comes. */
export function blockedRead(pipe: Pipe, size = 16, init: Partial<aio.aiocb> = {}): aio.aiocb {
  const cb = block(pipe.read, size, init);
  queued(aio.aio_read(cb));
  assert.equal(nameOf(aio.aio_error(cb)), 'EINPROGRESS');
  return cb;
}

/** Ends what a test leaves in progress on purpose. */
export function cancelled(fd: number): void {
  assert.notEqual(aio.aio_cancel(fd, null), -1);
}

/** Another process writes to the descriptor while this thread is blocked. */
export function writtenLater(t: Cleanup, fd: number, text: string): void {
  kept(
    t,
    spawn('/bin/sh', ['-c', 'sleep 0.1; printf %s "$0" >&3; exec sleep 60 3>&-', text], {
      stdio: ['ignore', 'ignore', 'inherit', fd],
    }),
  );
}

/** Another process sends the signal, again and again until the test is over: one that comes too early proves nothing. */
export function signalledLater(t: Cleanup, name: string): void {
  const loop = `while sleep 0.05; do kill -s ${name} ${process.pid} || exit; done`;
  kept(t, spawn('/bin/sh', ['-c', loop], { stdio: 'ignore' }));
}

function kept(t: Cleanup, child: ChildProcess): void {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await exit;
  });
}

/** A file of `size` bytes in which byte i is i mod 251, so that no two places within 251 bytes look alike. */
export function patternFile(t: TestContext, size: number): string {
  return temporaryFile(t, pattern(0, size));
}

export function pattern(from: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (from + i) % 251;
  return bytes;
}

/** Fills a pipe so that the next write blocks; how much that took. */
export function fillPipe(pipe: Pipe): number {
  const size = 65_536;
  assert.equal(fs.writeSync(pipe.write, Buffer.alloc(size, '-')), size);
  return size;
}
