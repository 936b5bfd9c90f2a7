// Which requests the engine hands to a worker thread of the kernel instead of serving them inside the call.
// Small cached transfers are fastest inside the submission; a large one is a copy on the calling thread, which is
// the event loop's.

/** A transfer of at least this many bytes is copied by a worker: 128 KiB take ~15 µs of the event loop. */
export const WORKER_BYTES_MIN = 128 * 1024;
/** Once a batch has this many bytes to copy, the rest of it goes to workers: about 100 µs of the event loop. */
export const BATCH_BYTES_MAX = 1024 * 1024;

/** Whether a transfer of `length` bytes goes to a worker, `batchBytes` being served inside this submission already. */
export function servedByWorker(length: number, batchBytes: number): boolean {
  return length >= WORKER_BYTES_MIN || batchBytes + length > BATCH_BYTES_MAX;
}
