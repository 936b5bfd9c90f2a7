// errno, as C has it.

/** What the last function of this module that returned -1 failed with. A live binding: always read it anew. */
export let errno = 0;

/** @returns -1, for the caller to return */
export function fail(error: number): -1 {
  errno = error;
  return -1;
}
