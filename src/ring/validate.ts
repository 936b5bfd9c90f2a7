// Argument checks of the ring, with Node's own error codes and classes. They say what was wrong and, where it is
// not obvious, what to do.
import { inspect } from 'node:util';
import type { Done } from './slots.js';

export function invalidType(name: string, expected: string, value: unknown): TypeError {
  const error = new TypeError(`The "${name}" argument must be ${expected}. Received ${describe(value)}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

export function outOfRange(name: string, range: string, value: unknown): RangeError {
  const error = new RangeError(
    `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(value)}`,
  );
  return Object.assign(error, { code: 'ERR_OUT_OF_RANGE' });
}

export function invalidValue(name: string, value: unknown, reason: string): TypeError {
  const error = new TypeError(`The argument '${name}' ${reason}. Received ${inspect(value)}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    return value.constructor?.name
      ? `an instance of ${value.constructor.name}`
      : inspect(value, { depth: -1 });
  }
  return `type ${typeof value} (${inspect(value)})`;
}

export function checkInt32(name: string, value: number, min: number): void {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > 0x7fffffff) throw outOfRange(name, `>= ${min} && <= 2147483647`, value);
}

export function checkFd(fd: number): void {
  if (fd >>> 0 !== fd || fd > 0x7fffffff) checkInt32('fd', fd, 0);
}

export function checkDone(done: Done): void {
  if (typeof done !== 'function') throw invalidType('done', 'of type function', done);
}

export function checkView(name: string, view: ArrayBufferView): void {
  if (!ArrayBuffer.isView(view))
    throw invalidType(name, 'an instance of Buffer, TypedArray, or DataView', view);
}

const POSITION_MAX = 2n ** 63n - 1n;

/** A file position or length: an integer from `min` to 2^63-1. */
export function checkOffset(name: string, value: number | bigint, min: number): void {
  if (typeof value === 'bigint') {
    if (value < BigInt(min) || value > POSITION_MAX)
      throw outOfRange(name, `>= ${min} && <= ${POSITION_MAX}`, value);
    return;
  }
  if (typeof value !== 'number') throw invalidType(name, 'of type number or bigint', value);
  if (!Number.isSafeInteger(value))
    throw outOfRange(name, 'a safe integer (use a bigint beyond 2^53)', value);
  if (value < min) throw outOfRange(name, `>= ${min}`, value);
}

/** A position of a transfer: an integer from -1 to 2^63-1. Almost all are small numbers. */
export function checkPosition(position: number | bigint): void {
  const isIndex =
    typeof position === 'number' &&
    position >= 0 &&
    position <= Number.MAX_SAFE_INTEGER &&
    Math.floor(position) === position;
  if (!isIndex) checkOffset('position', position, -1);
}
