// ReadStream and WriteStream of linux-aio/fs: Node's own classes, given the ring's functions in place of node:fs.
import fs from 'node:fs';
import { ringCallbacks } from './callback-functions.js';
import { type ReadOptions, StreamReader } from './stream-reader.js';

type Constructor<T> = new (path: unknown, options?: unknown) => T;

const operations = { ...fs, ...ringCallbacks };

/** The `fs` of a ReadStream: its reads are made ahead of it. */
function readOperations(options: ReadOptions): object {
  const reader = new StreamReader(operations, options);
  return { ...operations, read: reader.read, close: reader.close };
}

function writeOperations(): object {
  return operations;
}

/** The options with `fs`, unless the program has one of its own or the stream belongs to a FileHandle. */
function withRing(options: unknown, operationsFor: (options: ReadOptions) => object): unknown {
  if (options === undefined || options === null) return { fs: operationsFor({}) };
  if (typeof options === 'string') return { encoding: options, fs: operationsFor({}) };
  if (typeof options !== 'object') return options; // Node refuses it
  const { fd, fs: own } = options as { fd?: unknown; fs?: unknown };
  const isHandle = typeof fd === 'object' && fd !== null;
  return own || isHandle ? options : { ...options, fs: operationsFor(options) };
}

/** `node` with those options; callable without `new`, and to be extended, like Node's. */
function over<T extends object>(
  node: Constructor<T>,
  operationsFor: (options: ReadOptions) => object,
): Constructor<T> {
  function Stream(this: unknown, path: unknown, options?: unknown): T {
    const target = new.target ?? node;
    return Reflect.construct(
      node,
      [path, withRing(options, operationsFor)],
      target === Stream ? node : target,
    );
  }
  Object.setPrototypeOf(Stream, node);
  Object.defineProperties(Stream, {
    name: { value: node.name, configurable: true },
    prototype: { value: node.prototype },
  });
  return Stream as unknown as Constructor<T>;
}

const OurReadStream = over(fs.ReadStream as unknown as Constructor<fs.ReadStream>, readOperations);
const OurWriteStream = over(fs.WriteStream as unknown as Constructor<fs.WriteStream>, writeOperations);

export const ReadStream = OurReadStream as unknown as typeof fs.ReadStream;
export const WriteStream = OurWriteStream as unknown as typeof fs.WriteStream;

export function createReadStream(
  path: fs.PathLike,
  options?: Parameters<typeof fs.createReadStream>[1],
): fs.ReadStream {
  return new OurReadStream(path, options);
}

export function createWriteStream(
  path: fs.PathLike,
  options?: Parameters<typeof fs.createWriteStream>[1],
): fs.WriteStream {
  return new OurWriteStream(path, options);
}
