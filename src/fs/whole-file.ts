// readFile, writeFile and appendFile by path: open, transfer, close. What is done in between is src/file's.
import { Buffer } from 'node:buffer';
import { constants, type PathLike } from 'node:fs';
import { ERRNO } from '../abi/errno.js';
import { write as nodeWrite } from '../abi/node-fs.js';
import { byNode } from '../file/attributes.js';
import { Descriptor } from '../file/descriptor.js';
import { systemError, throwIfAborted } from '../file/errors.js';
import { plainOptions } from '../file/file-options.js';
import { mayAnswerNow, nextTurn, readCached, readOpened } from '../file/inline.js';
import { O_CLOEXEC, plainFlags, plainMode, plainPath } from '../file/open-arguments.js';
import { dataOf, openAtOnce, openPath } from '../file/open-path.js';
import { readFile } from '../file/read-file.js';
import { giveScratch, takeScratch } from '../file/scratch.js';
import { writeFile } from '../file/write-file.js';
import { coreOf, type Path } from '../ring/requests.js';
import { visibleResult } from '../ring/retry.js';
import type { Ring } from '../ring/ring.js';
import {
  collectWholeFiles,
  type LeftOpen,
  type Outcome,
  readWholeFile,
  STEP,
  servesWholeFiles,
  writeWholeFile,
} from '../ring/whole-file.js';
import { timeToAbort } from './abort.js';
import { hasOwnTarget, isData, isHandleChanged } from './handle.js';
import { readError } from './read-error.js';
import { isPipe, isRegular, readRegular } from './read-regular.js';
import { rejection, text } from './request.js';
import { sharing } from './sharing.js';
import { bothErrors, thenClosed } from './then-closed.js';

const { O_DIRECT, O_RDONLY } = constants;

/** A call on a whole file whose arguments are in order. */
interface WholeFile {
  readonly path: Path;
  readonly flags: number;
  readonly mode: number;
  readonly signal: AbortSignal | undefined;
  readonly encoding: BufferEncoding | undefined;
  readonly flush: boolean;
}

/** Null for what is not obviously right, and for O_DIRECT. */
function wholeFile(
  path: unknown,
  options: unknown,
  defaultFlags: string,
  mode: number | undefined,
): WholeFile | null {
  const known = plainOptions(withoutMode(options));
  const plain = plainPath(path);
  if (known === null || plain === undefined || mode === undefined || isHandleChanged()) return null;
  const { flag } = (typeof options === 'object' && options ? options : {}) as { flag?: unknown };
  const flags = plainFlags(flag || defaultFlags);
  if (flags === undefined || (flags & (O_DIRECT | O_CLOEXEC)) !== 0) return null;
  const { signal, encoding, flush } = known;
  return { path: plain, flags, mode, signal, encoding, flush };
}

/** `mode` means something here, as opposed to the methods of a handle. */
function withoutMode(options: unknown): unknown {
  const hasMode = typeof options === 'object' && options !== null && 'mode' in options;
  return hasMode ? { ...options, mode: undefined } : options;
}

/** Null when Node has to do it. */
export function readWhole(ring: Ring, path: unknown, options: unknown): Promise<Buffer | string> | null {
  const call = wholeFile(path, options, 'r', 0o666);
  return call === null || hasOwnTarget(options) ? null : read(ring, call, options);
}

function read(ring: Ring, call: WholeFile, options: unknown): Promise<Buffer | string> {
  if (call.flags !== O_RDONLY || call.signal !== undefined) return readWithCare(ring, call, options);
  const core = coreOf(ring);
  // While this thread answers by itself the event loop does not turn, and workers would run out of files.
  if (sharing.inPool > 0) collectWholeFiles(core);
  const mayBeNow = mayAnswerNow(ring);
  // To ask for the pool is to open it: not for what is answered without.
  if ((!mayBeNow || sharing.isPoolsTurn) && servesWholeFiles(core)) return readInPool(ring, call, options);
  if (!mayBeNow) return nextTurn().then(() => read(ring, call, options));
  const contents = readCached(call.path);
  if (contents instanceof Uint8Array)
    return sharing.answered(Promise.resolve(copied(contents, call.encoding)));
  if (contents !== -ERRNO.EAGAIN) return readOn(ring, call, contents, options);
  return servesWholeFiles(core) ? readInPool(ring, call, options) : readOnRing(ring, call, options);
}

/** Scratch memory's bytes, as the caller gets them. */
function copied(bytes: Uint8Array, encoding: BufferEncoding | undefined): Buffer | string {
  if (encoding !== undefined) {
    return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength).toString(encoding);
  }
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

/** Opened, read and closed by a worker. */
function readInPool(ring: Ring, call: WholeFile, options: unknown): Promise<Buffer | string> {
  return new Promise((resolve, reject) => {
    sharing.start(() => {
      const view = takeScratch();
      readWholeFile(coreOf(ring), call.path, call.flags, view, (outcome) => {
        try {
          if ('bytes' in outcome) resolve(copied(view.subarray(0, outcome.bytes), call.encoding));
          else resolve(readAfter(outcome, ring, call, options));
        } catch (error) {
          reject(error); // no memory for the copy
        } finally {
          giveScratch(view);
          sharing.ended();
        }
      });
    }, reject);
  });
}

/** A worker has not read the file. */
function readAfter(
  outcome: Failed | LeftOpen,
  ring: Ring,
  call: WholeFile,
  options: unknown,
): Promise<Buffer | string> {
  if ('fd' in outcome) return readOn(ring, call, outcome, options);
  if (mayStillOpen(outcome)) return readOnRing(ring, call, options);
  return rejection(() => readError(failure(outcome, 'read', call.path), call.path, 0));
}

async function readOnRing(ring: Ring, call: WholeFile, options: unknown): Promise<Buffer | string> {
  const fd = await new Promise<number>((resolve) => {
    openAtOnce(ring, call.path, call.flags, 0, resolve);
  });
  const contents = fd < 0 ? fd : readOpened(fd);
  if (contents instanceof Uint8Array) return copied(contents, call.encoding);
  return await readOn(ring, call, contents, options);
}

/** The file is open and none of the small ones in memory; or it cannot be opened. */
async function readOn(
  ring: Ring,
  call: WholeFile,
  file: LeftOpen | number,
  options: unknown,
): Promise<Buffer | string> {
  await null; // an error's stack begins where it is awaited
  if (typeof file === 'number') throw systemError(file, 'open', text(call.path));
  const descriptor = new Descriptor(ring, file.fd, call.flags, null);
  return await thenClosed(descriptor, readOpen(descriptor, file, call, options));
}

async function readOpen(
  descriptor: Descriptor,
  file: LeftOpen,
  call: WholeFile,
  options: unknown,
): Promise<Buffer | string> {
  try {
    if (isRegular(file) && file.size > 0) return await readRegular(descriptor, file.size, call.encoding);
    if (isPipe(file)) await dataOf(descriptor.ring, file.fd);
    return await readFile(descriptor, options);
  } catch (error) {
    throw readError(error, call.path, file.size);
  }
}

type Failed = Extract<Outcome, { error: number }>;

/** Opened without waiting it has not been opened, but it may be yet: a pipe's other end, a lease, a signal. */
function mayStillOpen({ error, step }: Failed): boolean {
  return step === STEP.OPEN && (error === -ERRNO.ENXIO || error === -ERRNO.EAGAIN || error === -ERRNO.EINTR);
}

function failure({ error, step, closing }: Failed, transfer: 'read' | 'write', path: Path): Error {
  if (step === STEP.OPEN) return systemError(visibleResult(error), 'open', text(path));
  const first = systemError(visibleResult(error), step === STEP.CLOSE ? 'close' : transfer);
  return closing === undefined ? first : bothErrors(first, systemError(visibleResult(closing), 'close'));
}

/** With a signal that may end it, or flags that are not for reading alone. */
async function readWithCare(ring: Ring, call: WholeFile, options: unknown): Promise<Buffer | string> {
  throwIfAborted(call.signal);
  const descriptor = await open(ring, call);
  const work = async () => {
    await timeToAbort(call.signal);
    return await readFile(descriptor, options).catch((error) => {
      throw readError(error, call.path, 0);
    });
  };
  return await thenClosed(descriptor, work());
}

/** Null when Node has to do it. */
export function writeWhole(
  ring: Ring,
  path: PathLike,
  data: unknown,
  options: unknown,
  defaultFlags: 'w' | 'a',
): Promise<void> | null {
  const call = callOf(path, options, defaultFlags);
  return call === null || !isData(data) ? null : write(ring, call, data, options);
}

/** The same for data without a byte, for which one write is made all the same: its error counts. */
export function writeNothing(
  ring: Ring,
  path: PathLike,
  options: unknown,
  defaultFlags: 'w' | 'a',
): Promise<void> | null {
  const call = callOf(path, options, defaultFlags);
  if (call === null || !isPlain(call) || !servesWholeFiles(coreOf(ring))) return null;
  return writeInPool(ring, call, NOTHING, options, true);
}

const NOTHING = new Uint8Array(0);

function callOf(path: PathLike, options: unknown, defaultFlags: 'w' | 'a'): WholeFile | null {
  const { mode } = (typeof options === 'object' && options ? options : {}) as { mode?: unknown };
  return wholeFile(path, options, defaultFlags, plainMode(mode, 0o666));
}

/** Whether a worker may do all of it. */
function isPlain(call: WholeFile): boolean {
  return call.signal === undefined && !call.flush;
}

/** More than that keeps a worker for long: it is written in steps. */
const POOL_WRITE_BYTES_MAX = 4 * 1024 * 1024;

async function write(
  ring: Ring,
  call: WholeFile,
  data: string | ArrayBufferView,
  options: unknown,
): Promise<void> {
  throwIfAborted(call.signal);
  if (isPlain(call) && servesWholeFiles(coreOf(ring))) {
    const view = ArrayBuffer.isView(data) ? data : Buffer.from(data, call.encoding ?? 'utf8');
    if (view.byteLength <= POOL_WRITE_BYTES_MAX) return await writeInPool(ring, call, view, options);
  }
  await writeTo(await open(ring, call), call, data, options);
}

/** Opened, written and closed by a worker. */
async function writeInPool(
  ring: Ring,
  call: WholeFile,
  view: ArrayBufferView,
  options: unknown,
  evenNothing = false,
): Promise<void> {
  const { path, flags, mode } = call;
  const outcome = await new Promise<Outcome>((resolve) => {
    writeWholeFile(coreOf(ring), path, flags, mode, view, resolve, evenNothing);
  });
  if ('bytes' in outcome) return;
  if ('error' in outcome && !mayStillOpen(outcome)) throw failure(outcome, 'write', path);
  const descriptor = 'fd' in outcome ? new Descriptor(ring, outcome.fd, flags, null) : await open(ring, call);
  const nothing = () =>
    byNode<number>((callback) => nodeWrite(descriptor.fd, NOTHING, 0, 0, null, callback as never));
  if (evenNothing) await thenClosed(descriptor, nothing());
  else await writeTo(descriptor, call, view, options);
}

async function writeTo(
  descriptor: Descriptor,
  call: WholeFile,
  data: string | ArrayBufferView,
  options: unknown,
): Promise<void> {
  const work = async () => {
    await timeToAbort(call.signal); // the file has been made by then, and emptied, as Node does it
    await writeFile(descriptor, data, withoutMode(options));
  };
  await thenClosed(descriptor, work());
}

async function open(ring: Ring, call: WholeFile): Promise<Descriptor> {
  const { path, flags, mode } = call;
  const fd = await new Promise<number>((resolve) => openPath(ring, path, flags, mode, resolve));
  if (fd < 0) throw systemError(fd, 'open', text(path));
  return new Descriptor(ring, fd, flags, null);
}
