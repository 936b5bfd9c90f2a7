// The callback functions of node:fs that the ring serves. As with the promises, what is not obviously right is handed
// to Node's own function as it came.
import { Buffer } from 'node:buffer';
import fs, { constants } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { native } from '../abi/native.js';
import { Descriptor } from '../file/descriptor.js';
import { systemError } from '../file/errors.js';
import { plainOptions } from '../file/file-options.js';
import { plainFlags, plainMode, plainPath } from '../file/open-arguments.js';
import { openPath } from '../file/open-path.js';
import { readFile as readDescriptor } from '../file/read-file.js';
import { writeFile as writeDescriptor } from '../file/write-file.js';
import type { Path } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import { type Callback, Delivery, deliverSettled, performFor } from './deliver.js';
import * as descriptors from './descriptor-operations.js';
import { isFd, type Start } from './descriptor-operations.js';
import { ringOrNull } from './engine.js';
import { hasOwnTarget, isData, isPlainStat } from './handle.js';
import { pathOperations } from './path-operations.js';
import { ringPromises } from './promise-functions.js';
import { errorOf, type Parse, text } from './request.js';
import { statusLater, statusNow } from './stat.js';
import { tracedCallback } from './trace.js';
import { readWhole, writeNothing, writeWhole } from './whole-file.js';

const O_ACCMODE = 3;

const { readFile: nodeReadFile } = fs;

function byPath(name: keyof typeof pathOperations): Start {
  const parse: Parse = pathOperations[name];
  return (ring, [first, second, third], delivery) => {
    const call = parse(first, second, third);
    if (call === null) return false;
    performFor(delivery, ring, call);
    return true;
  };
}

const open: Start = (ring, [path, flags, mode], delivery) => {
  const plain = plainPath(path);
  const all = plainFlags(flags);
  const permissions = plainMode(mode, 0o666);
  if (plain === undefined || all === undefined || permissions === undefined) return false;
  openPath(ring, plain, all, permissions, (fd) => {
    delivery.deliver(fd < 0 ? [systemError(fd, 'open', text(plain))] : [null, fd]);
  });
  return true;
};

function settle(promise: Promise<unknown> | null, delivery: Delivery): boolean {
  if (promise !== null) deliverSettled(promise, delivery);
  return promise !== null;
}

function stat(name: 'stat' | 'lstat' | 'fstat'): Start {
  return (ring, [subject, options], delivery) => {
    const plain = name === 'fstat' ? (isFd(subject) ? subject : undefined) : plainPath(subject);
    if (plain === undefined || !isPlainStat(options)) return false;
    const bigint = options?.bigint === true;
    const now = statusNow(ring, name, plain, bigint);
    if (now === null) return false;
    if (typeof now === 'object') delivery.deliver([null, now]);
    else if (now !== -ERRNO.EAGAIN) delivery.deliver([errorOf({ syscall: name, path: plain as Path }, now)]);
    else deliverSettled(statusLater(ring, name, plain, bigint), delivery);
    return true;
  };
}

/** The descriptor of a call on an open file; null when Node has to do it. */
function userDescriptor(ring: Ring, fd: number, mode: number): Descriptor | null {
  const flags = isFd(fd) ? native().statusFlags(fd) : -1;
  if (flags < 0 || (flags & constants.O_DIRECT) !== 0) return null;
  const access = flags & O_ACCMODE;
  return access === mode || access === constants.O_RDWR ? new Descriptor(ring, fd, flags, null) : null;
}

/** Node calls back inside the call when the signal is aborted already, and syncs through whatever fs.fsync is. */
function isNodes(options: unknown): boolean {
  const { signal, flush } = (options ?? {}) as { signal?: AbortSignal; flush?: unknown };
  return signal?.aborted === true || flush === true;
}

/** '' and false are flags of their own here, and wrong ones; the promises take the default for them. */
function hasWrongFlag(options: unknown): boolean {
  const { flag } = (options ?? {}) as { flag?: unknown };
  return flag === '' || flag === false;
}

const readFile: Start = (ring, [path, options], delivery) => {
  if (isNodes(options) || hasWrongFlag(options)) return false;
  if (typeof path !== 'number') return settle(readWhole(ring, path, options), delivery);
  const descriptor = userDescriptor(ring, path, constants.O_RDONLY);
  if (descriptor === null || plainOptions(options) === null || hasOwnTarget(options)) return false;
  // Node loses the error of a read from a program's own descriptor, and answers what it has: let it.
  const again = () => {
    nodeReadFile(path, options as BufferEncoding, (...results) => delivery.deliver(results));
  };
  readDescriptor(descriptor, options).then((content) => delivery.deliver([null, content]), again);
  return true;
};

/** Whether there is no byte to write: in hexadecimal and base64, text may stand for none. */
function isEmpty(data: unknown, options: unknown): boolean {
  if (typeof data !== 'string') return ArrayBuffer.isView(data) && data.byteLength === 0;
  if (data === '') return true;
  const encoding =
    typeof options === 'string' ? options : (options as { encoding?: unknown } | null)?.encoding;
  return (
    typeof encoding === 'string' &&
    /^(hex|base64|base64url)$/i.test(encoding) &&
    Buffer.from(data, encoding as BufferEncoding).byteLength === 0
  );
}

function writeFile(flags: 'w' | 'a'): Start {
  return (ring, [path, data, options], delivery) => {
    if (isNodes(options)) return false;
    // Nothing to write is a system call here, with errors of its own; the promises make none.
    const isNothing = isEmpty(data, options);
    if (typeof path !== 'number') {
      return isNothing
        ? settle(writeNothing(ring, path as string, options, flags), delivery)
        : settle(writeWhole(ring, path as string, data, options, flags), delivery);
    }
    if (isNothing) return false;
    const descriptor = userDescriptor(ring, path, constants.O_WRONLY);
    if (descriptor === null || plainOptions(options) === null || !isData(data)) return false;
    return settle(writeDescriptor(descriptor, data, options), delivery);
  };
}

const truncate: Start = (_ring, [path, length = 0], delivery) => {
  const isPlain = plainPath(path) !== undefined && Number.isSafeInteger(length);
  return isPlain && settle(ringPromises.truncate(path as string, length as number), delivery);
};

type Served = readonly [Start, ...counts: number[]];

/** What is served, and with how many arguments, the callback included. */
const served = {
  open: [open, 2, 3, 4],
  close: [descriptors.close, 2],
  read: [descriptors.read, 2, 3, 4, 6],
  write: [descriptors.write, 3, 4, 5, 6],
  readv: [descriptors.readv, 3, 4],
  writev: [descriptors.writev, 3, 4],
  fsync: [descriptors.fsync, 2],
  fdatasync: [descriptors.fdatasync, 2],
  ftruncate: [descriptors.ftruncate, 2, 3],
  fstat: [stat('fstat'), 2, 3],
  stat: [stat('stat'), 2, 3],
  lstat: [stat('lstat'), 2, 3],
  rename: [byPath('rename'), 3],
  link: [byPath('link'), 3],
  symlink: [byPath('symlink'), 3, 4],
  unlink: [byPath('unlink'), 2],
  rmdir: [byPath('rmdir'), 2],
  mkdir: [byPath('mkdir'), 2, 3],
  truncate: [truncate, 2, 3],
  readFile: [readFile, 2, 3],
  writeFile: [writeFile('w'), 3, 4],
  appendFile: [writeFile('a'), 3, 4],
} satisfies Record<string, Served>;

type Untyped = (...args: unknown[]) => void;

/**
 * For a call on a program's descriptor. The ring takes a duplicate of it for a request that has to wait; where there are no
 * more descriptors to be had the call is Node's: what uses an open file does not fail for want of them.
 */
class DeliveryElseByNode extends Delivery {
  readonly #node: Untyped;
  readonly #args: readonly unknown[];

  constructor(ring: Ring, callback: Callback, node: Untyped, args: readonly unknown[]) {
    super(ring, callback);
    this.#node = node;
    this.#args = args;
  }

  override deliver(results: readonly unknown[]): void {
    const code = (results[0] as NodeJS.ErrnoException | null | undefined)?.code;
    if (code === 'EMFILE' || code === 'ENFILE') {
      this.#node(...this.#args, (...nodes: unknown[]) => super.deliver(nodes));
    } else super.deliver(results);
  }
}

function callbackFunction(name: string, [start, ...counts]: Served): Untyped {
  const node = (fs as unknown as Record<string, Untyped>)[name];
  const ours = (args: unknown[]): void => {
    const callback = args.at(-1);
    const isOrdinary = typeof callback === 'function' && counts.includes(args.length);
    const ring = isOrdinary ? ringOrNull() : null;
    if (ring !== null) {
      args.pop();
      const delivery =
        typeof args[0] === 'number'
          ? new DeliveryElseByNode(ring, callback as Callback, node, args)
          : new Delivery(ring, callback as Callback);
      if (start(ring, args, delivery)) {
        delivery.begin();
        return;
      }
      args.push(callback);
    }
    node(...args);
  };
  return tracedCallback(name, ours, node as never) as Untyped;
}

/** What the ring serves, ready to stand in for Node's. */
export const ringCallbacks = Object.fromEntries(
  Object.entries(served).map(([name, entry]) => [name, callbackFunction(name, entry)]),
) as unknown as Pick<typeof fs, keyof typeof served>;
