// Ends the process when a call does not come back, and says which one it was. Beside the main thread, because that may be
// what hangs; with SIGKILL, because process.exit joins the threads of Node's pool, which may be what hangs as well.
import { Worker } from 'node:worker_threads';

const HANG_MS = 20_000;
const TEXT_BYTES_MAX = 8192;

/** What both threads share: [turn, bytes of the text], the text. Turn changes with every text; no bytes: not watched. */
const HEADER_BYTES = 8;
const memory = new SharedArrayBuffer(HEADER_BYTES + TEXT_BYTES_MAX);
const header = new Int32Array(memory, 0, 2);
const text = Buffer.from(memory, HEADER_BYTES);
let thread: Worker | undefined;

export interface WatchdogData {
  readonly memory: SharedArrayBuffer;
  readonly headerBytes: number;
  readonly hangMs: number;
  readonly directory: string;
}

/** Begins to watch. `directory` is removed when the process is ended so. */
export function watch(directory: string, hangMs = HANG_MS): void {
  const workerData: WatchdogData = { memory, headerBytes: HEADER_BYTES, hangMs, directory };
  // Not what the process was started with: a --import of the library would be a ring in this thread.
  thread ??= new Worker(new URL('./watchdog-thread.js', import.meta.url), { workerData, execArgv: [] });
  thread.unref();
}

/** What the process does from now on; when that does not change for as long as a hang takes, it is reported. */
export function doing(what: string): void {
  header[1] = text.write(what);
  Atomics.add(header, 0, 1);
}

/** Nothing that could hang. */
export function resting(): void {
  doing('');
}
