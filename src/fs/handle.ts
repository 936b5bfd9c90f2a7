// Genuine FileHandles of Node's, with their transfers on the ring. A handle made here is an instance of Node's own
// class, around a native handle of Node's own: `instanceof`, streams, transfer to workers, the count of users that
// delays close(), the warning of the garbage collector, all of it is Node's. Its prototype has the methods below in
// front of Node's; whatever they do not take for ordinary goes on to Node's method of the same handle.
import { Buffer } from 'node:buffer';
import type { BigIntStats, Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { native } from '../abi/native.js';
import { nodePromises } from '../abi/node-fs.js';
import * as attributes from '../file/attributes.js';
import { closeDescriptor } from '../file/close.js';
import { Descriptor } from '../file/descriptor.js';
import { systemError } from '../file/errors.js';
import { readNow, writeNow } from '../file/fast-path.js';
import { plainOptions } from '../file/file-options.js';
import { losesPosition } from '../file/own-position.js';
import { readFile } from '../file/read-file.js';
import { readVector, writeVector } from '../file/vectors.js';
import { writeFile } from '../file/write-file.js';
import { Adopt } from '../ring/adopt.js';
import { coreOf } from '../ring/requests.js';
import type { Ring } from '../ring/ring.js';
import { timeToAbort } from './abort.js';
import { ringOrNull } from './engine.js';
import { rejection } from './request.js';
import { tracedPromise } from './trace.js';

/** What a FileHandle of Node's wraps: an object of C++. */
interface NativeHandle {
  readonly fd: number;
  close(): Promise<void>;
  /** forgets the descriptor without closing it */
  releaseFD(): void;
}

/** Node's FileHandle with the internals that are used here. */
type Internals = FileHandle & Record<symbol, () => void>;

/** The classes and symbols that Node does not export, taken from a handle that it made. */
interface Classes {
  readonly Native: new (fd: number) => NativeHandle;
  readonly Handle: new (native: NativeHandle) => Internals;
  readonly ref: symbol;
  readonly unref: symbol;
  /** of the handles made here, in front of Node's */
  readonly prototype: object;
  /** of what they wrap, likewise */
  readonly nativePrototype: object;
}

let known: Promise<Classes | null> | undefined;
/** Node's FileHandle.prototype and its `fd`, once they are known. */
let base: FileHandle | undefined;
let fdGetter: unknown;
let forAll = false;
/** a handle has been looked at, whatever came of it */
let hasLooked = false;

/** For all handles that will be opened: the methods go into Node's own prototype, where tests look for them. */
export function serveAllHandles(): void {
  forAll = true;
  void handleClasses();
}

/**
 * Whether somebody has changed what FileHandles are, as tests do to see errors of close(2). Node opens one for calls
 * on whole files too, so what was changed is to be seen there; here there is none.
 */
export function isHandleChanged(): boolean {
  if (base === undefined) return false;
  return Object.getOwnPropertyDescriptor(base, 'fd')?.get !== fdGetter;
}

/**
 * Null, or what to wait for until `isHandleChanged` can tell: a program under `register` may change FileHandles right at
 * its start, while the first of them is still being looked at.
 */
export function handlesToBeKnown(): Promise<unknown> | null {
  return forAll && !hasLooked ? handleClasses() : null;
}

/** Null where Node is not as expected: then its own handles are used as they are. */
export function handleClasses(): Promise<Classes | null> {
  known ??= findClasses().catch(() => {
    hasLooked = true;
    known = undefined; // out of descriptors, say: the next call tries again
    return null;
  });
  return known;
}

async function findClasses(): Promise<Classes | null> {
  const sample = (await nodePromises.open('/dev/null')) as Internals;
  try {
    const inner = Object.getOwnPropertySymbols(sample).find((symbol) => symbol.description === 'kHandle');
    const proto = Object.getPrototypeOf(sample) as FileHandle;
    const inherited = Object.getOwnPropertySymbols(proto);
    const ref = inherited.find((symbol) => symbol.description === 'kRef');
    const unref = inherited.find((symbol) => symbol.description === 'kUnref');
    const inside = inner && (sample[inner] as unknown as NativeHandle | undefined);
    if (inside === undefined || ref === undefined || unref === undefined) return null;
    if (typeof inside.releaseFD !== 'function' || typeof inside.close !== 'function') return null;
    const Native = inside.constructor as Classes['Native'];
    const Handle = sample.constructor as Classes['Handle'];
    const nativePrototype = Object.create(Native.prototype, { close: { value: closeNative } });
    base = proto;
    fdGetter = Object.getOwnPropertyDescriptor(proto, 'fd')?.get;
    return { Native, Handle, ref, unref, prototype: withMethods(proto), nativePrototype };
  } finally {
    hasLooked = true;
    await sample.close();
  }
}

/** The descriptor of a handle, counted by the handle itself. */
class HandleDescriptor extends Descriptor {
  readonly #handle: Internals;
  readonly #classes: Classes;

  constructor(ring: Ring, handle: Internals, flags: number, classes: Classes) {
    super(ring, -1, flags, null);
    this.#handle = handle;
    this.#classes = classes;
  }

  override get fd(): number {
    return this.#handle.fd;
  }

  override ref(): void {
    this.#handle[this.#classes.ref]();
  }

  override unref(): void {
    this.#handle[this.#classes.unref]();
  }
}

/** A private field on Node's object: nothing can see it, and no table has to be looked up. */
class Adopted extends Adopt {
  readonly #descriptor: Descriptor;

  private constructor(handle: object, descriptor: Descriptor) {
    super(handle);
    this.#descriptor = descriptor;
  }

  static adopt(handle: object, descriptor: Descriptor): void {
    new Adopted(handle, descriptor);
  }

  /** The descriptor of an open handle that was made here, or undefined. */
  static descriptorOf(handle: unknown): Descriptor | undefined {
    if (typeof handle !== 'object' || handle === null || !(#descriptor in handle)) return undefined;
    const descriptor = handle.#descriptor;
    return descriptor.fd === -1 ? undefined : descriptor;
  }
}

export const { descriptorOf } = Adopted;

/** In place of the native handle's: by the ring. */
function closeNative(this: NativeHandle): Promise<void> {
  const { fd } = this;
  const ring = ringOrNull();
  if (ring === null) return Object.getPrototypeOf(Object.getPrototypeOf(this)).close.call(this);
  this.releaseFD();
  return new Promise((resolve) => {
    closeDescriptor(ring, fd, native().statusFlags(fd), (result) => {
      resolve(result < 0 ? rejection(() => systemError(result, 'close')) : undefined);
    });
  });
}

/** A FileHandle for a descriptor that is open, and that it owns from now on. */
export function adopt(ring: Ring, fd: number, flags: number, classes: Classes): FileHandle {
  const core = coreOf(ring);
  const inside = new classes.Native(fd);
  core.router.kinds.forget(fd); // the number may have meant another file
  // Where the ring would lose the position all methods are Node's, so that they agree on it.
  if (native().completesLater(fd) && losesPosition(core, fd)) return new classes.Handle(inside);
  Object.setPrototypeOf(inside, classes.nativePrototype);
  const handle = new classes.Handle(inside);
  if (classes.prototype !== base) Object.setPrototypeOf(handle, classes.prototype);
  Adopted.adopt(handle, new HandleDescriptor(ring, handle, flags, classes));
  return handle;
}

// ── the methods ────────────────────────────────────────────────────────────────────────────────────────────────

type Views = readonly ArrayBufferView[];

/** Not all of them empty: then there is a system call all the same, whose errors are seen, and it is Node's. */
function isViews(value: unknown): value is Views {
  return (
    Array.isArray(value) &&
    value.every((view) => ArrayBuffer.isView(view)) &&
    value.some((view: ArrayBufferView) => view.byteLength > 0)
  );
}

/** The position that readv and writev take it for, or undefined for what Node has to look at. */
function vectorPosition(position: unknown): number | undefined {
  if (position === undefined || position === null) return -1;
  return Number.isSafeInteger(position) && (position as number) >= 0 ? (position as number) : undefined;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** Node's prototype with our methods, or an object in front of it that has them. */
function withMethods(node: FileHandle): object {
  // Node's methods, whatever becomes of its prototype.
  const { read, write, readv, writev, readFile: nodeReadFile, writeFile: nodeWriteFile } = node;
  const { stat, sync, datasync, truncate } = node;
  type Args = never[];
  const nodes = (method: unknown, handle: unknown, args: unknown[]) => {
    return (method as (...args: Args) => Promise<unknown>).apply(handle, args as Args);
  };

  const methods = {
    read(buffer?: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<unknown> {
      const descriptor = descriptorOf(this);
      if (descriptor !== undefined) {
        let view = buffer;
        let [from, size, at] = [offset, length, position];
        if (buffer === undefined || buffer === null) {
          view = Buffer.alloc(16384); // as large as Node's: callers look at the buffer they get back
          from = size = at = undefined; // they count only behind a buffer
        } else if (isPlainObject(buffer)) {
          ({ buffer: view = Buffer.alloc(16384) } = buffer);
          from = buffer;
        }
        const ours = isSignal(from) ? null : readNow(descriptor, view, from, size, at);
        if (ours !== null) return ours;
      }
      return nodes(read, this, [buffer, offset, length, position]);
    },

    write(buffer: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<unknown> {
      const descriptor = descriptorOf(this);
      if (descriptor !== undefined) {
        const ours =
          typeof buffer === 'string'
            ? writeText(descriptor, buffer, offset, length)
            : writeNow(descriptor, buffer, offset, length, position);
        if (ours !== null) return ours;
      }
      return nodes(write, this, [buffer, offset, length, position]);
    },

    readv(buffers: unknown, position?: unknown): Promise<unknown> {
      const descriptor = descriptorOf(this);
      const at = vectorPosition(position);
      if (descriptor === undefined || at === undefined || !isViews(buffers)) {
        return nodes(readv, this, [buffers, position]);
      }
      return descriptor.use('readv', async () => {
        const bytesRead = await readVector(descriptor, { views: buffers, position: at, signal: undefined });
        return { __proto__: null, bytesRead, buffers };
      });
    },

    writev(buffers: unknown, position?: unknown): Promise<unknown> {
      const descriptor = descriptorOf(this);
      const at = vectorPosition(position);
      if (descriptor === undefined || at === undefined || !isViews(buffers)) {
        return nodes(writev, this, [buffers, position]);
      }
      return descriptor.use('writev', async () => {
        const bytesWritten = await writeVector(descriptor, {
          views: buffers,
          position: at,
          signal: undefined,
        });
        return { __proto__: null, bytesWritten, buffers };
      });
    },

    readFile(options?: unknown): Promise<unknown> {
      const descriptor = descriptorOf(this);
      const isOrdinary = plainOptions(options) !== null && !hasOwnTarget(options);
      if (descriptor === undefined || !isOrdinary) return nodes(nodeReadFile, this, [options]);
      return descriptor.use('readFile', async () => {
        await timeToAbort(plainOptions(options)?.signal);
        return await readFile(descriptor, options);
      });
    },

    writeFile(data: unknown, options?: unknown): Promise<unknown> {
      const descriptor = descriptorOf(this);
      const known = plainOptions(options);
      // Node ignores `flush` here, and looks at a signal between chunks only.
      const isNodes = known === null || known.flush || known.signal !== undefined;
      if (descriptor === undefined || isNodes || !isData(data)) {
        return nodes(nodeWriteFile, this, [data, options]);
      }
      return descriptor.use('writeFile', () => writeFile(descriptor, data, options));
    },

    appendFile(data: unknown, options?: unknown): Promise<unknown> {
      return methods.writeFile.call(this, data, options);
    },

    stat(options?: unknown): Promise<Stats | BigIntStats> {
      const descriptor = descriptorOf(this);
      if (descriptor === undefined || !isPlainStat(options)) {
        return nodes(stat, this, [options]) as Promise<Stats>;
      }
      return descriptor.use('fstat', () => attributes.stat(descriptor, options));
    },

    truncate(length: unknown = 0): Promise<unknown> {
      const descriptor = descriptorOf(this);
      if (descriptor === undefined || !Number.isSafeInteger(length)) return nodes(truncate, this, [length]);
      return descriptor.use('ftruncate', () => attributes.truncate(descriptor, length));
    },

    sync(): Promise<unknown> {
      const descriptor = descriptorOf(this);
      if (descriptor === undefined) return nodes(sync, this, []);
      return descriptor.use('fsync', () => attributes.sync(descriptor, false));
    },

    datasync(): Promise<unknown> {
      const descriptor = descriptorOf(this);
      if (descriptor === undefined) return nodes(datasync, this, []);
      return descriptor.use('fdatasync', () => attributes.sync(descriptor, true));
    },
  };

  const prototype = forAll
    ? node
    : Object.create(node, { constructor: { value: node.constructor, configurable: true, writable: true } });
  for (const [name, method] of Object.entries(methods)) {
    const value = tracedPromise(name, method as never, node[name as keyof FileHandle] as never);
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
  return prototype;
}

/** Node's read ignores a signal. */
function isSignal(options: unknown): boolean {
  return isPlainObject(options) && options['signal'] !== undefined;
}

function writeText(
  descriptor: Descriptor,
  text: string,
  position: unknown,
  encoding: unknown,
): Promise<unknown> | null {
  const known = encoding ?? 'utf8';
  if (known !== 'utf8' && known !== 'utf-8' && known !== 'latin1') return null;
  const at = vectorPosition(position);
  if (at === undefined || text === '') return null;
  const written = writeNow(descriptor, Buffer.from(text, known), 0, null, at);
  // The result names the string that was given.
  return written?.then(({ bytesWritten }) => ({ __proto__: null, bytesWritten, buffer: text })) ?? null;
}

/** `readFile({ buffer })`, of Node 24. */
export function hasOwnTarget(options: unknown): boolean {
  return isPlainObject(options) && options['buffer'] !== undefined;
}

/** All at once: iterables are written by Node. */
export function isData(data: unknown): data is string | ArrayBufferView {
  return typeof data === 'string' || ArrayBuffer.isView(data);
}

/** Options of stat that every version of Node takes for the same. */
export function isPlainStat(options: unknown): options is { bigint?: boolean } | undefined {
  if (options === undefined) return true;
  if (!isPlainObject(options)) return false;
  const { bigint, signal, throwIfNoEntry } = options;
  return (
    (bigint === undefined || typeof bigint === 'boolean') &&
    signal === undefined &&
    (throwIfNoEntry === undefined || throwIfNoEntry === true)
  );
}
