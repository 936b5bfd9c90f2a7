// Real signals: queued to this thread when a request with SIGEV_SIGNAL completes, and received with their siginfo.
// The C side (native/signals.c) puts what the kernel delivers into a queue of this thread; here is what becomes of it.
//
// A JavaScript value cannot travel through the kernel. A signal of ours carries a ticket for it in the upper half of
// sigval, and in the lower half the value itself where it is a 32-bit integer, for whoever else reads it.
import { ERRNO } from '../abi/errno.js';
import { native, SIGNAL_WORD, SIGNAL_WORDS } from '../abi/native.js';
import { invalidType } from '../ring/validate.js';
import { EINVAL, SI_ASYNCIO, SIGRTMAX, SIGRTMIN } from './constants.js';
import { fail } from './errno.js';

/** What a handler learns of a signal. */
export interface siginfo {
  si_signo: number;
  /** SI_ASYNCIO when a request has completed; otherwise who sent it (sigaction(2)) */
  si_code: number;
  /** the request's `sigev_value`; of a signal from elsewhere, its integer */
  si_value: unknown;
  si_pid: number;
  si_uid: number;
}

export type Handler = (signo: number, info: siginfo) => void;

/** Between the standard signals and SIGRTMIN the C library has some of its own. */
const STANDARD_MAX = 31;
/**
 * Never caught: SIGKILL and SIGSTOP, which cannot be; faults (SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV), to which one
 * cannot return before the event loop turns; SIGCHLD, without which Node's child processes would never end.
 */
const UNCAUGHT = new Set([4, 5, 7, 8, 9, 11, 17, 19]);
/** Records that the queue holds (native/signals.c), and how many are taken from it at a time. */
const RECORDS = 4096;
const BATCH = 64;

const handlers = new Map<number, Handler>();
const tickets = new Map<number, unknown>();
let lastTicket = 0;
let opened = false;
let warned = false;
const words = new Int32Array(BATCH * SIGNAL_WORDS);

/** Signals sent from here that a handler has caught, ever: those sent while somebody blocks interrupt him. */
export let caughtSignals = 0;
/** Signals from elsewhere whose handlers have not run, and that have interrupted nobody. */
let pendingSignals = 0;

/**
 * Whether a signal interrupts a wait that begins, or has ended, now. A signal that came before the wait is still pending
 * as far as the program can see: its handler has not run. Each interrupts once, so that a program which waits again
 * does wait.
 */
export function isInterrupted(): boolean {
  if (opened) take();
  const isPending = pendingSignals > 0;
  pendingSignals = 0;
  return isPending;
}

/** Whether a program may use a signal of this number. */
export function isSignal(signo: number): boolean {
  return (
    Number.isInteger(signo) && signo >= 1 && signo <= SIGRTMAX && (signo <= STANDARD_MAX || signo >= SIGRTMIN)
  );
}

/**
 * sigaction(2): sets what happens on a signal, for the whole process; real-time signals (SIGRTMIN to SIGRTMAX) too, which
 * `process.on` does not know. POSIX.1-2017, 2.4.1: with SIGEV_SIGNAL "the signal specified in sigev_signo shall be
 * generated for the process"; here it is queued to the thread that made the request, and each one that is queued is
 * delivered, as a task of its own on this thread's event loop. Acceptance row X7.
 *
 * Catching a signal does not keep the process alive. Real-time signals are delivered one by one. The kernel merges
 * standard signals that are pending at once; those of requests of this thread are never pending, so they are not merged.
 *
 * @param act null: back to what was in force before (`process.on`, or the default action)
 * @returns 0, or -1 with EINVAL for a number that is no signal or one that cannot be handled here: SIGKILL, SIGSTOP,
 *   SIGCHLD, and the faults SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV
 */
export function sigaction(signo: number, act: { sa_sigaction: Handler } | null): 0 | -1 {
  if (typeof signo !== 'number') throw invalidType('signo', 'of type number', signo);
  if (act !== null && typeof act?.sa_sigaction !== 'function') {
    throw invalidType('act.sa_sigaction', 'of type function', act?.sa_sigaction);
  }
  if (!isSignal(signo) || UNCAUGHT.has(signo)) return fail(EINVAL);
  if (!opened) {
    const error = native().signalsOpen(take);
    if (error < 0) return fail(-error);
    opened = true;
  }
  const error = native().signalsCatch(signo, act !== null);
  if (error < 0) return fail(-error);
  if (act === null) handlers.delete(signo);
  else handlers.set(signo, act.sa_sigaction);
  return 0;
}

/** Queues a signal to this thread. What goes wrong is reported once and changes nothing else. */
export function queueSignal(signo: number, value: unknown): void {
  const isOurs = handlers.has(signo);
  const ticket = isOurs ? newTicket(value) : 0;
  const answer = native().signalQueue(signo, Number.isInteger(value) ? (value as number) | 0 : 0, ticket);
  if (answer === 1) caughtSignals++;
  if (isOurs) take(); // it is in the queue by now: a thread takes its own signals at once, unless it blocks them
  if (answer >= 0) return;
  tickets.delete(ticket);
  if (isOurs) {
    // The kernel has no room for it (RLIMIT_SIGPENDING); the handler is here all the same.
    caughtSignals++;
    deliver({
      si_signo: signo,
      si_code: SI_ASYNCIO,
      si_value: value,
      si_pid: process.pid,
      si_uid: process.getuid!(),
    });
  } else if (!warned) {
    warned = true;
    process.emitWarning(
      answer === -ERRNO.EAGAIN
        ? 'a completion could not be signalled: the limit on pending signals is reached (ulimit -i). Its result is unchanged'
        : `a completion could not be signalled: errno ${-answer}. Its result is unchanged`,
    );
  }
}

/** Tickets of signals that never arrive (blocked and merged, or another handler took over) must not pile up. */
const TICKETS_MAX = 1 << 16;

function newTicket(value: unknown): number {
  lastTicket = (lastTicket % 0x7fffffff) + 1;
  if (tickets.size >= TICKETS_MAX) tickets.delete(tickets.keys().next().value!);
  tickets.set(lastTicket, value);
  return lastTicket;
}

/**
 * Takes what has arrived; C calls it when the event loop is woken. Not more than the queue holds, or signals that keep
 * coming would keep the event loop from turning: what has come meanwhile has made the eventfd readable once more.
 */
function take(): void {
  const addon = native();
  for (let left = RECORDS; left > 0; left -= BATCH) {
    const count = addon.signalsTake(words.buffer);
    for (let i = 0; i < count; i++) deliver(infoAt(i * SIGNAL_WORDS));
    if (count < BATCH) break;
  }
  const lost = addon.signalsLost();
  if (lost === 0) return;
  process.emitWarning(`${lost} signals were lost: they came faster than this thread's event loop turned`);
}

function infoAt(w: number): siginfo {
  const ticket = words[w + SIGNAL_WORD.VALUE_HIGH];
  const info = {
    si_signo: words[w + SIGNAL_WORD.SIGNO],
    si_code: words[w + SIGNAL_WORD.CODE],
    si_value: words[w + SIGNAL_WORD.VALUE_LOW] as unknown,
    si_pid: words[w + SIGNAL_WORD.PID],
    si_uid: words[w + SIGNAL_WORD.UID],
  };
  if (info.si_code === SI_ASYNCIO && info.si_pid === process.pid && tickets.has(ticket)) {
    info.si_value = tickets.get(ticket);
    tickets.delete(ticket);
  } else {
    pendingSignals++;
  }
  return info;
}

function deliver(info: siginfo): void {
  setImmediate(runHandler, info);
}

/** The handler is the one of now: a signal that was pending when its handler went is discarded, as if it were ignored. */
function runHandler(info: siginfo): void {
  pendingSignals = 0; // what came before it, or together with it, has been seen
  handlers.get(info.si_signo)?.(info.si_signo, info);
}
