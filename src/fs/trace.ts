// diagnostics_channel tracing of what goes to the ring: `tracing:linux-aio.operation:start`, `end`, `asyncStart`,
// `asyncEnd` and `error`, in the shape proposed for Node's own fs. The message is one object per operation:
// `operation` ('readFile'), `api` ('promise' or 'callback'), `path` or `fd`, and when they are known `result` and
// `error`. Data never appears in it: of a read the result is its number of bytes.
import { channel } from 'node:diagnostics_channel';

export type Api = 'promise' | 'callback';

interface Message {
  readonly operation: string;
  readonly api: Api;
  readonly path?: unknown;
  readonly dest?: unknown;
  readonly fd?: number;
  result?: unknown;
  error?: unknown;
}

const NAME = 'tracing:linux-aio.operation';
const start = channel(`${NAME}:start`);
const end = channel(`${NAME}:end`);
const asyncStart = channel(`${NAME}:asyncStart`);
const asyncEnd = channel(`${NAME}:asyncEnd`);
const failed = channel(`${NAME}:error`);

function isTraced(): boolean {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    failed.hasSubscribers
  );
}

type Promising = (this: unknown, ...args: never[]) => Promise<unknown>;

/** `ours` with tracing, under the name, the length and all other properties of Node's function that it stands for. */
export function tracedPromise(operation: string, ours: Promising, nodes: Promising): Promising {
  return standingFor(nodes, function (this: unknown, ...args: never[]): Promise<unknown> {
    return isTraced() ? tracePromise(operation, this, ours as never, args) : ours.apply(this, args);
  });
}

/** The same for a function with a callback, which `ours` gets with all other arguments as one array, to keep. */
export function tracedCallback<T extends object>(
  operation: string,
  ours: (args: unknown[]) => void,
  nodes: T,
): T {
  return standingFor(nodes, function (this: unknown, ...args: unknown[]): void {
    if (isTraced()) traceCallback(operation, this, ours, args);
    else ours(args);
  } as unknown as T);
}

function standingFor<T extends object>(nodes: T, ours: T): T {
  return Object.defineProperties(ours, Object.getOwnPropertyDescriptors(nodes)) as T;
}

const TWO_PATHS = ['rename', 'link', 'symlink', 'copyFile'];

function messageOf(operation: string, api: Api, self: unknown, args: readonly unknown[]): Message {
  const fd = (self as { fd?: unknown } | undefined)?.fd;
  if (typeof fd === 'number') return { operation, api, fd };
  const [first, second] = args;
  if (typeof first === 'number') return { operation, api, fd: first };
  if (typeof (first as { fd?: unknown } | null | undefined)?.fd === 'number') {
    return { operation, api, fd: (first as { fd: number }).fd };
  }
  return TWO_PATHS.includes(operation)
    ? { operation, api, path: first, dest: second }
    : { operation, api, path: first };
}

/** What may be seen of a result. */
function visible(result: unknown): unknown {
  if (typeof result === 'string' || ArrayBuffer.isView(result)) {
    return typeof result === 'string' ? result.length : result.byteLength;
  }
  const { bytesRead, bytesWritten } = (result ?? {}) as { bytesRead?: number; bytesWritten?: number };
  return bytesRead ?? bytesWritten ?? result;
}

function tracePromise(
  operation: string,
  self: unknown,
  call: (...args: unknown[]) => Promise<unknown>,
  args: unknown[],
): Promise<unknown> {
  const message = messageOf(operation, 'promise', self, args);
  return start.runStores(message, () => {
    try {
      return call.apply(self, args).then(
        (result) => {
          message.result = visible(result);
          asyncStart.publish(message);
          asyncEnd.publish(message);
          return result;
        },
        (error) => {
          message.error = error;
          failed.publish(message);
          asyncStart.publish(message);
          asyncEnd.publish(message);
          throw error;
        },
      );
    } catch (error) {
      message.error = error;
      failed.publish(message);
      throw error;
    } finally {
      end.publish(message);
    }
  });
}

function traceCallback(
  operation: string,
  self: unknown,
  call: (args: unknown[]) => void,
  args: unknown[],
): void {
  const message = messageOf(operation, 'callback', self, args);
  const at = args.findLastIndex((argument) => typeof argument === 'function');
  const callback = args[at] as ((...args: unknown[]) => unknown) | undefined;
  if (callback !== undefined) {
    args[at] = function (this: unknown, ...results: unknown[]): unknown {
      const [error, result] = results;
      if (error) {
        message.error = error;
        failed.publish(message);
      } else {
        message.result = visible(result);
      }
      return asyncStart.runStores(message, () => {
        try {
          return callback.apply(this, results);
        } finally {
          asyncEnd.publish(message);
        }
      });
    };
  }
  start.runStores(message, () => {
    try {
      call(args);
    } catch (error) {
      message.error = error;
      failed.publish(message);
      throw error;
    } finally {
      end.publish(message);
    }
  });
}
