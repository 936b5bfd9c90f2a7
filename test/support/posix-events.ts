// What happens beside a test of <aio.h>: notifications as they come, and other processes that write or send signals.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import type { TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as aio from 'linux-aio/posix';
import { HANG_MS } from './ring.js';

export { nextTurn };
export type Cleanup = Pick<TestContext, 'after'>;

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
