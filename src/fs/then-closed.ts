// A file that a function opens itself is closed when its work is over; and when both fail, both errors are told, as Node
// tells them.
import type { Descriptor } from '../file/descriptor.js';

/** Closes the file when `work` is over: its result, or its error, or that of closing. */
export async function thenClosed<T>(descriptor: Descriptor, work: Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work;
  } catch (error) {
    await descriptor.close().catch((closing) => {
      throw bothErrors(error as NodeJS.ErrnoException, closing);
    });
    throw error;
  }
  await descriptor.close();
  return result;
}

/** Looks like the first to whoever knows of one error only (aggregateTwoErrors in Node's lib/internal/errors.js). */
export function bothErrors(first: NodeJS.ErrnoException, closing: Error): AggregateError {
  const both = new AggregateError([first, closing], first.message);
  return Object.assign(both, { code: first.code });
}
