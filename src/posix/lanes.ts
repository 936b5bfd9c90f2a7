// Order where POSIX promises it: on pipes, sockets and terminals, and for writes with O_APPEND, requests run one at a
// time per file and direction, in the order of the calls (POSIX.1-2017, 2.8.2: "write requests … shall be performed in
// the order that the calls were made"). Reading and writing are two lanes: a full-duplex socket never waits for itself.
//
// The ring has lanes too. These are here because a write to a stream may need several attempts, and the next request
// must not come between them.
import type { Request } from './request.js';

export interface Lane {
  readonly key: string;
  /** behind the one that is running */
  readonly waiting: Request[];
}

const lanes = new Map<string, Lane>();

/** Enters the lane of the request's file. True when it may run now. */
export function enterLane(request: Request): boolean {
  const { deviceMajor, deviceMinor, inodeLow, inodeHigh } = request;
  const key = `${request.isWrite ? 'w' : 'r'}${inodeLow}:${inodeHigh}:${deviceMinor}:${deviceMajor}`;
  const lane = lanes.get(key);
  if (lane !== undefined) {
    lane.waiting.push(request);
    request.lane = lane;
    request.isWaiting = true;
    return false;
  }
  request.lane = { key, waiting: [] };
  lanes.set(key, request.lane);
  return true;
}

/** The request that was running is over. The next one, which now has the lane, or null. */
export function leaveLane(request: Request): Request | null {
  const lane = request.lane!;
  request.lane = null;
  const next = lane.waiting.shift() ?? null;
  if (next === null) lanes.delete(lane.key);
  else next.isWaiting = false;
  return next;
}

/** A waiting request is taken back. */
export function removeFromLane(request: Request): void {
  const { waiting } = request.lane!;
  waiting.splice(waiting.lastIndexOf(request), 1); // who cancels all of a lane begins with the last
  request.lane = null;
  request.isWaiting = false;
}
