// What one run of one model leaves behind: times on one clock (CLOCK_MONOTONIC, which the device shares) and counts.
// `aio models --json` prints it as it is.

/**
 * What the application's thread was doing.
 *
 * | state     | the thread                                                          |
 * |-----------|---------------------------------------------------------------------|
 * | computing | does its own work                                                   |
 * | blocked   | is inside a system call that has not returned                       |
 * | polling   | asks again and again, and is told EAGAIN                            |
 * | idle      | has nothing left to compute, and waits in the event loop for events |
 */
export type State = 'computing' | 'blocked' | 'polling' | 'idle';

export interface Span {
  state: State;
  /** The system call, where there is one. */
  call: string;
  /** Which block it is about, from 0 on. */
  block: number;
  /** Milliseconds from the beginning of the run. */
  from: number;
  to: number;
  /** How often the call was made in that time. */
  calls: number;
}

/** A moment at which application and kernel meet. */
export interface Mark {
  /** `down`: the application calls the kernel. `up`: the kernel answers, or calls. */
  direction: 'down' | 'up';
  text: string;
  block: number;
  at: number;
}

/** The life of one block. */
export interface Read {
  /** When the application asked for it: its I/O begins. */
  asked: number;
  /** When the device handed the data to the kernel: its I/O ends. null where nobody outside the kernel can know. */
  ready: number | null;
  /** When the application had the data in hand. */
  taken: number;
}

export interface Recording {
  reads: Read[];
  spans: Span[];
  marks: Mark[];
  /** From the first request to the last block read and the last piece of work done. */
  wallMs: number;
  /** How long the thread could have run and had no processor: other programs were in the way. */
  disturbedMs: number;
  /** CPU of the whole process: helper threads and the kernel's work on its behalf included. */
  cpuMs: number;
  /** CPU of the computing alone. */
  computeCpuMs: number;
  /** How often the answer was EAGAIN. */
  eagain: number;
  systemCalls: SystemCalls;
  /** Of everything computed: the same in every model, or something is wrong. */
  checksum: number;
}

/** System calls made for the reads, without the requests to the device, which every model makes alike. */
export interface SystemCalls {
  /** By the application's thread, by name. */
  thread: Readonly<Record<string, number>>;
  /** Reads and writes by other threads of the process: a pool's. */
  others: number;
}
