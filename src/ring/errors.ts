// Errors of a ring itself; those of requests are numbers in their callbacks.
import { ERRNO } from '../abi/errno.js';
import { SLOTS_MAX } from './slots.js';

export function closedError(): Error {
  return Object.assign(new Error('The ring is closed. Open another one with Ring.open().'), {
    code: 'ERR_USE_AFTER_CLOSE',
  });
}

export function tooManyRequests(): Error {
  const message = `EAGAIN: ${SLOTS_MAX} requests are outstanding on this ring; await some before making more`;
  return Object.assign(new Error(message), { code: 'EAGAIN', errno: -ERRNO.EAGAIN });
}
