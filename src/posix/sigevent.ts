// How a program wants to be told of a completion: checked and copied when the request is made, carried out once, after
// the status is final.
import { invalidType } from '../ring/validate.js';
import { SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD } from './constants.js';
import { isSignal, queueSignal } from './signals.js';

/** POSIX's `struct sigevent`. */
export interface sigevent {
  /** SIGEV_NONE, SIGEV_SIGNAL or SIGEV_THREAD */
  sigev_notify: number;
  /** for SIGEV_SIGNAL; 0: no notification, as with a zeroed struct in C */
  sigev_signo?: number;
  /** any value, handed back untouched */
  sigev_value?: unknown;
  /** for SIGEV_THREAD: called in a task of its own on this thread's event loop */
  // biome-ignore lint/suspicious/noExplicitAny: the program knows what value it has put in
  sigev_notify_function?: (value: any) => void;
  /** for SIGEV_THREAD: a Worker or MessagePort; the value is posted to that thread instead */
  sigev_notify_attributes?: unknown;
}

/** What is left to do when the status is final. */
export interface Notification {
  /** 0: not a signal */
  readonly signo: number;
  readonly value: unknown;
  readonly call: ((value: unknown) => void) | null;
  readonly port: Poster | null;
}

interface Poster {
  /** of a Worker or MessagePort */
  postMessage(value: unknown): void;
}

/**
 * Copies a sigevent.
 *
 * @returns null for no notification; undefined when it is not valid (EINVAL)
 * @throws TypeError for what C's type system would have refused
 */
export function readSigevent(event: sigevent | null | undefined): Notification | null | undefined {
  if (event === undefined || event === null) return null;
  if (typeof event !== 'object') throw invalidType('sigevent', 'of type object', event);
  const { sigev_notify, sigev_signo = 0, sigev_value: value } = event;
  if (sigev_notify === SIGEV_NONE) return null;
  if (sigev_notify === SIGEV_SIGNAL) {
    if (sigev_signo === 0) return null;
    return isSignal(sigev_signo) ? { signo: sigev_signo, value, call: null, port: null } : undefined;
  }
  if (sigev_notify !== SIGEV_THREAD) return undefined;
  const { sigev_notify_function: call, sigev_notify_attributes: port } = event;
  if (isPoster(port)) return { signo: 0, value, call: null, port };
  if (call === undefined || call === null) return undefined;
  if (typeof call !== 'function') throw invalidType('sigev_notify_function', 'of type function', call);
  return { signo: 0, value, call, port: null };
}

/** Other attributes (a pthread_attr_t, in C) say nothing here. */
function isPoster(attributes: unknown): attributes is Poster {
  return typeof (attributes as Poster | null | undefined)?.postMessage === 'function';
}

/** Notifies. Never throws: a notification that fails must not change a result. */
export function notify(notification: Notification): void {
  const { signo, value, call, port } = notification;
  if (signo !== 0) {
    queueSignal(signo, value);
  } else if (port !== null) {
    try {
      port.postMessage(value);
    } catch (error) {
      setImmediate(() => {
        throw error; // the value cannot be cloned: as if the notification function had thrown
      });
    }
  } else {
    setImmediate(call!, value);
  }
}
