// What came of one call: of a callback function as a promise, and errors in a form that is equal for equal errors.
import { shape } from '../../file/compare.js';

export type Call = (...args: unknown[]) => unknown;

/** The callback's arguments as a promise, and whether it was called before the function had returned. */
export function called(api: object, name: string, args: readonly unknown[]): Promise<unknown> {
  let resolve!: (value: unknown) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  let returned = false;
  let calls = 0;
  const result = (api as Record<string, Call>)[name](...args, (...found: unknown[]) => {
    if (++calls > 1) throw new Error(`${name} called back twice`);
    if (found[0] instanceof Error) reject(Object.assign(found[0], { returned, more: found.slice(1) }));
    else resolve(found.length === 2 && found[0] === null && returned ? found[1] : { returned, found });
  });
  returned = true;
  if (result !== undefined) reject(new Error(`${name} returned ${typeof result}`));
  return promise;
}

export function errorOf(error: unknown): unknown {
  if (!(error instanceof Error)) return ['not an error', error];
  const more = error as Error & { dest?: string; more?: unknown; returned?: boolean };
  const cause = error.cause instanceof Error ? shape(error.cause) : error.cause;
  return {
    ...shape(error),
    dest: more.dest,
    more: more.more,
    returned: more.returned,
    cause,
    text: String(error),
  };
}
