// What a ring counts.

/** Monotonic counters of a ring. */
export interface RingStats {
  /** requests handed to the engine */
  readonly submitted: number;
  /** results delivered */
  readonly completed: number;
  /** of those, how many ended with ECANCELED */
  readonly cancelled: number;
  /** entries into the kernel made to submit, wait or reap */
  readonly systemCalls: number;
  /** times the event loop was woken for this ring */
  readonly wakeups: number;
}
