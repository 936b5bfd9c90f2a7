// `struct __kernel_timespec`: two 64-bit words, seconds and nanoseconds.

/** Memory for one with a duration in milliseconds. The caller keeps it alive while a request uses it. */
export function timespecOf(ms: number): Int32Array {
  const seconds = Math.floor(ms / 1000);
  const timespec = new Int32Array(32);
  timespec[0] = seconds | 0;
  timespec[1] = (seconds / 0x100000000) | 0;
  timespec[2] = Math.floor((ms - seconds * 1000) * 1e6);
  return timespec;
}
