// CLOCK_MONOTONIC, which every process on a machine shares: the device's times and the application's can be compared.

/** Nanoseconds. */
export function clockNs(): bigint {
  return process.hrtime.bigint();
}

/** Milliseconds from `origin` to `ns`. */
export function msSince(origin: bigint, ns = clockNs()): number {
  return Number(ns - origin) / 1e6;
}
