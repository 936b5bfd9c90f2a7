// The models of Figures 2 to 4: everything happens in system calls of the application's own thread.
import { getSystemErrorMap } from 'node:util';
import { ERRNO } from '../abi/errno.js';
import { native } from '../abi/native.js';
import type { Job } from './job.js';

/**
 * Synchronous blocking (Figure 2): `read` returns when the data is there. Nothing else happens in the meantime.
 */
export function blockingRead(job: Job): void {
  for (let i = 0; i < job.blocks; i++) {
    job.ask(i);
    const result = waitIn('read', job, i);
    job.mark('up', 'data', i);
    job.take(i, result);
    job.compute(i);
  }
}

/**
 * Synchronous non-blocking (Figure 3): O_NONBLOCK. `read` returns at once, mostly with EAGAIN, and is called again
 * until there is data.
 */
export function spinningRead(job: Job): void {
  setNonBlocking(job);
  for (let i = 0; i < job.blocks; i++) {
    job.ask(i);
    const result = spin(job, i);
    job.take(i, result);
    job.compute(i);
  }
}

/**
 * Synchronous non-blocking as a program with work to do uses it: a piece of work, a look whether there is data, the
 * next piece. When no work is left there is nothing but to spin.
 */
export function pollingRead(job: Job): void {
  setNonBlocking(job);
  for (let i = 0; i < job.blocks; i++) {
    job.ask(i);
    let result = tryRead(job, i);
    while (result === -ERRNO.EAGAIN && job.computeSlice(i)) result = tryRead(job, i);
    if (result === -ERRNO.EAGAIN) result = spin(job, i);
    else job.mark('up', 'data', i);
    job.take(i, result);
    job.compute(i);
  }
}

/**
 * Asynchronous blocking (Figure 4): `read` says EAGAIN, `select` (or `poll`) blocks until it is worth trying again,
 * `read` then has the data. What is asynchronous is the notification: one such call could wait for many descriptors.
 */
export function waitingRead(waitFor: 'select' | 'poll'): (job: Job) => void {
  return (job) => {
    setNonBlocking(job);
    for (let i = 0; i < job.blocks; i++) {
      job.ask(i);
      let result = waitIn('read', job, i);
      while (result === -ERRNO.EAGAIN) {
        job.eagain++;
        job.mark('up', 'EAGAIN', i);
        checked(waitFor, waitIn(waitFor, job, i));
        job.mark('up', 'readable', i);
        result = waitIn('read', job, i);
      }
      job.mark('up', 'data', i);
      job.take(i, result);
      job.compute(i);
    }
  };
}

/** One system call on the job's descriptor, during which the thread may be blocked. A result or -errno. */
function waitIn(call: 'read' | 'select' | 'poll', job: Job, i: number): number {
  job.mark('down', call, i);
  const from = job.now();
  const result = call === 'read' ? native().read(job.fd, job.buffer) : native()[call](job.fd);
  job.record('blocked', call, i, from);
  job.calls.add(call);
  return result;
}

/** Asks once, without waiting. */
function tryRead(job: Job, i: number): number {
  const from = job.now();
  const result = native().read(job.fd, job.buffer);
  job.mark('down', 'read', i, from);
  job.calls.add('read');
  if (result === -ERRNO.EAGAIN) job.eagain++;
  else job.record('blocked', 'read', i, from); // not for long, unless O_NONBLOCK means nothing: a regular file
  return result;
}

/** Asks until there is an answer. */
function spin(job: Job, i: number): number {
  const { read } = native();
  const from = job.now();
  let tries = 1;
  let result = read(job.fd, job.buffer);
  while (result === -ERRNO.EAGAIN) {
    tries++;
    result = read(job.fd, job.buffer);
  }
  job.record(tries > 1 ? 'polling' : 'blocked', 'read', i, from, tries);
  job.mark('down', 'read', i, from);
  if (tries > 1) job.mark('up', 'EAGAIN', i, from);
  job.mark('up', 'data', i);
  job.eagain += tries - 1;
  job.calls.add('read', tries);
  return result;
}

function setNonBlocking(job: Job): void {
  checked('fcntl', native().setNonBlocking(job.fd));
}

function checked(call: string, result: number): void {
  if (result >= 0) return;
  const [name, text] = getSystemErrorMap().get(result) ?? [`errno ${-result}`, 'unknown error'];
  throw new Error(`${name}: ${text}, ${call}`);
}
