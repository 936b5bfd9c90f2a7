// Order where POSIX promises it: on pipes, sockets and terminals, and for writes with O_APPEND, requests run one at a
// time per file and direction, in the order of the calls (POSIX.1-2017, 2.8.2: "write requests … shall be performed in
// the order that the calls were made"). Reading and writing are two lanes: a full-duplex socket never waits for itself.
//
// The ring has lanes too. These are here because a write to a stream may need several attempts, and the next request
// must not come between them.
import type { Request } from './request.js';

export interface Lane {
  readonly key: string;
  // Behind the one that is running, linked to one another: there may be any number, and any of them may be cancelled.
  first: Request | null;
  last: Request | null;
}

const lanes = new Map<string, Lane>();

/** Enters the lane of the request's file. True when it may run now. */
export function enterLane(request: Request): boolean {
  const { deviceMajor, deviceMinor, inodeLow, inodeHigh } = request;
  const key = `${request.isWrite ? 'w' : 'r'}${inodeLow}:${inodeHigh}:${deviceMinor}:${deviceMajor}`;
  const lane = lanes.get(key);
  if (lane === undefined) {
    request.lane = { key, first: null, last: null };
    lanes.set(key, request.lane);
    return true;
  }
  request.lane = lane;
  request.isWaiting = true;
  request.lanePrev = lane.last;
  if (lane.last === null) lane.first = request;
  else lane.last.laneNext = request;
  lane.last = request;
  return false;
}

/** The request that was running is over. The next one, which now has the lane, or null. */
export function leaveLane(request: Request): Request | null {
  const lane = request.lane!;
  request.lane = null;
  const next = lane.first;
  if (next === null) lanes.delete(lane.key);
  else unlink(lane, next);
  return next;
}

/** A waiting request is taken back. */
export function removeFromLane(request: Request): void {
  unlink(request.lane!, request);
  request.lane = null;
}

function unlink(lane: Lane, request: Request): void {
  const { laneNext, lanePrev } = request;
  if (lanePrev === null) lane.first = laneNext;
  else lanePrev.laneNext = laneNext;
  if (laneNext === null) lane.last = lanePrev;
  else laneNext.lanePrev = lanePrev;
  request.laneNext = request.lanePrev = null;
  request.isWaiting = false;
}
