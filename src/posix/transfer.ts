// A request's way: from the call into the ring, or into a lane and then into the ring, to its final status.
//
// Files are read and written at explicit positions, all at once. Streams (pipes, sockets, terminals) and writes with
// O_APPEND go through lanes, one at a time, on a duplicate of the descriptor that is held until the end, so that
// closing the number changes nothing for them. A request that the ring takes over in the very call needs no duplicate:
// the kernel has looked its descriptor up. Where that is not so the ring holds one.
import { ERRNO } from '../abi/errno.js';
import { FSYNC_DATASYNC, OP, TRANSFER_BYTES_MAX } from '../abi/io_uring.js';
import { addressOf } from '../ring/memory.js';
import { shouldRetry, visibleResult } from '../ring/retry.js';
import { TRAIT } from '../ring/slots.js';
import { startTransfer } from '../ring/transfer.js';
import { EAGAIN, ECANCELED, EINPROGRESS } from './constants.js';
import { describe, described, describeOnce, isAppending, isNonBlocking } from './descriptor.js';
import { engine } from './engine.js';
import { finish } from './finish.js';
import { passBarrier } from './fsync.js';
import { enterLane, leaveLane, removeFromLane } from './lanes.js';
import { inFlight, KIND, type Request } from './request.js';
import { transferNow } from './transfer-now.js';
import { advanceVector } from './vector.js';

/** For requests of 0 bytes without a buffer. */
const NOTHING = new Uint8Array(16);

// ── its beginning ─────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Starts a transfer that has been checked. It is handed over by `enter` or `block`. The call that starts transfers has
 * called `forgetDescribed`.
 *
 * @returns 0, or EAGAIN when there is no descriptor left to hold its file with: then it has not been started
 */
export function start(request: Request): number {
  const unknown = describeOnce(request.fd);
  request.hold = null;
  request.id = 0;
  if (unknown !== 0) {
    // POSIX leaves the choice; as glibc, and as the conformance tests want it, the status says so, not the call.
    request.inodeLow = request.inodeHigh = 0; // it is on no file: no fsync waits for it
    begin(request);
    engine().answer(-unknown, request.done!);
    return 0;
  }
  noteFile(request);
  request.isStream = !described.isSeekable;
  if (request.isStream || (request.isWrite && isAppending(described.flags))) return startInLane(request);
  request.id = submit(request);
  begin(request);
  return 0;
}

function startInLane(request: Request): number {
  if (!holdFile(request)) return EAGAIN;
  begin(request);
  // What cannot block waits for nobody: O_NONBLOCK means EAGAIN behind a blocked request of another descriptor, too.
  if ((request.isStream && isNonBlocking(request.flags)) || enterLane(request)) run(request);
  return 0;
}

/** Remembers which file the number means. */
export function noteFile(request: Request): void {
  request.flags = described.flags;
  request.deviceMajor = described.deviceMajor;
  request.deviceMinor = described.deviceMinor;
  request.inodeLow = described.inodeLow;
  request.inodeHigh = described.inodeHigh;
}

/** Keeps the file itself until the request is over. False when there is no descriptor left for that. */
export function holdFile(request: Request): boolean {
  const core = engine();
  const hold = core.held.take(request.fd);
  if (hold.duplicate < 0) {
    core.held.release(hold);
    return false;
  }
  request.hold = hold;
  return true;
}

/** From here on the request is under way, and only its completion ends that. */
export function begin(request: Request): void {
  request.owner?.remove(request); // of `finished`, when its last status was never collected
  request.status = EINPROGRESS;
  request.result = -1;
  inFlight.push(request);
}

// ── with the ring ─────────────────────────────────────────────────────────────────────────────────────────────

/** Runs a request whose turn has come, on the file that it holds. */
export function run(request: Request): void {
  if (request.isStream && isNonBlocking(request.flags)) {
    request.id = 0;
    engine().answer(transferNow(request), request.done!);
  } else {
    request.id = submit(request);
  }
}

/** One attempt. The number the ring knows it by. */
function submit(request: Request): number {
  const core = engine();
  const { kind, hold, moved, isStream, vector } = request;
  const done = request.done!;
  const fd = hold === null ? request.fd : hold.duplicate;
  if (kind === KIND.FSYNC) {
    return core.start(OP.FSYNC, fd, 0, 0, 0, request.dataOnly ? FSYNC_DATASYNC : 0, TRAIT.LATE, null, done);
  }
  const position = isStream ? -1 : hold === null ? request.offset : 0; // O_APPEND: ignored
  const traits = (hold === null ? TRAIT.HOLD : 0) | (isStream ? TRAIT.UNBOUNDED : 0);
  if (vector !== null) {
    const op = request.isWrite ? OP.WRITEV : OP.READV;
    const { views, words } = vector;
    return core.start(op, fd, position, addressOf(words), views.length, 0, traits, vector, done);
  }
  const op = kind === KIND.READ ? OP.READ : OP.WRITE;
  const view = request.view ?? NOTHING;
  const length = Math.min(request.length - moved, TRANSFER_BYTES_MAX);
  if (hold === null && request.attempts === 0) {
    return core.idOf(startTransfer(core, op, fd, view, 0, length, position, traits, done));
  }
  return core.start(op, fd, position, request.address + moved, length, 0, traits, view, done);
}

/** The ring's answer to an attempt: ≥ 0 or -errno. */
export function ended(request: Request, answer: number): void {
  request.attempts++;
  if (goesOn(request, answer)) {
    if (answer > 0) {
      request.moved += answer;
      if (request.vector !== null) advanceVector(request.vector, answer);
      request.attempts = 0;
    }
    run(request);
    return;
  }
  // What an earlier attempt has moved counts, whatever ended the last one.
  const moved = request.moved + Math.max(answer, 0);
  if (answer >= 0 || moved > 0) {
    conclude(request, 0, moved);
    return;
  }
  const error = -visibleResult(answer);
  // A worker of the kernel that had begun is interrupted: EINTR instead of ECANCELED.
  conclude(request, request.isCancelled && error === ERRNO.EINTR ? ECANCELED : error, -1);
}

function goesOn(request: Request, answer: number): boolean {
  if (request.isCancelled) return false;
  if (answer < 0) return shouldRetry(answer, request.attempts, request.flags) && isStillItsFile(request);
  // write(2) on a blocking stream returns when everything is written; the ring, when something is.
  const { isStream, isWrite, flags, moved, length } = request;
  return answer > 0 && isStream && isWrite && !isNonBlocking(flags) && moved + answer < length;
}

/** Whether the number still means the file, where nothing holds that for it: then a second attempt is possible. */
function isStillItsFile(request: Request): boolean {
  return request.hold !== null || (describe(request.fd) === 0 && request.isOnFileOf(described));
}

// ── its end ───────────────────────────────────────────────────────────────────────────────────────────────────

function conclude(request: Request, status: number, result: number): void {
  if (request.lane !== null) {
    const next = leaveLane(request);
    if (next !== null) run(next);
  }
  end(request, status, result);
}

/** A request that waits in this folder, not in the ring, is over. False when it does not. */
export function cancelWaiting(request: Request): boolean {
  if (request.barrier !== null) request.barrier = null;
  else if (request.isWaiting) removeFromLane(request);
  else return false;
  end(request, ECANCELED, -1);
  return true;
}

function end(request: Request, status: number, result: number): void {
  const { hold, waitedForBy } = request;
  request.hold = null;
  request.view = request.vector = request.waitedForBy = null;
  if (hold !== null) engine().held.release(hold);
  if (waitedForBy !== null) passBarrier(waitedForBy, status);
  // What failed is reported by the fsync that was to make it durable, if that has no error of its own.
  if (request.kind === KIND.FSYNC && status === 0 && request.earlierError !== 0) {
    finish(request, request.earlierError, -1);
  } else {
    finish(request, status, result);
  }
}
