// From a recording to the figures of the report.
import type { Recording, Span, State } from './recording.js';

export interface Measures {
  wallMs: number;
  /** Inside a system call that had not returned. */
  blockedMs: number;
  /** With nothing left to compute, in the event loop. */
  idleMs: number;
  /** CPU that was not computing: asking, being told, handing over. */
  waitingCpuMs: number;
  systemCalls: number;
  systemCallsPerBlock: number;
  eagain: number;
  /** How much of the computing was done while a read was in progress, in percent. */
  overlapPercent: number;
  /** How much of the time other programs had the processor that this one could have used, in percent. */
  disturbedPercent: number;
  /** From the data being ready to the application having it; NaN where the first is unknown. */
  latencyUs: { median: number; max: number };
}

export function measuresOf(recording: Recording): Measures {
  const { reads, spans, wallMs } = recording;
  const systemCalls =
    Object.values(recording.systemCalls.thread).reduce(sum, 0) + recording.systemCalls.others;
  const latencies = reads
    .flatMap(({ ready, taken }) => (ready === null ? [] : [(taken - ready) * 1000]))
    .sort((a, b) => a - b);
  return {
    wallMs,
    blockedMs: timeIn(spans, 'blocked'),
    idleMs: timeIn(spans, 'idle'),
    waitingCpuMs: Math.max(0, recording.cpuMs - recording.computeCpuMs),
    systemCalls,
    systemCallsPerBlock: systemCalls / reads.length,
    eagain: recording.eagain,
    overlapPercent: overlapOf(recording),
    disturbedPercent: (100 * recording.disturbedMs) / wallMs,
    latencyUs: {
      median: latencies[latencies.length >> 1] ?? Number.NaN,
      max: latencies.at(-1) ?? Number.NaN,
    },
  };
}

export function timeIn(spans: readonly Span[], state: State): number {
  return spans
    .filter((span) => span.state === state)
    .map(({ from, to }) => to - from)
    .reduce(sum, 0);
}

/** Reads are one after the other in every model, so no moment is counted twice. */
function overlapOf({ reads, spans }: Recording): number {
  const computing = spans.filter((span) => span.state === 'computing');
  const overlapped = computing.flatMap((span) =>
    reads.map(({ asked, ready, taken }) =>
      Math.max(0, Math.min(span.to, ready ?? taken) - Math.max(span.from, asked)),
    ),
  );
  return (100 * overlapped.reduce(sum, 0)) / timeIn(spans, 'computing');
}

function sum(a: number, b: number): number {
  return a + b;
}
