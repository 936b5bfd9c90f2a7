// ReadStream and WriteStream of linux-aio/fs: Node's own classes, given the ring's functions in place of node:fs.
import fs from 'node:fs';
import { ringCallbacks } from './callback-functions.js';
import { type ReadOptions, StreamReader } from './stream-reader.js';

type Constructor<T> = new (path: unknown, options?: unknown) => T;

const operations = { ...fs, ...ringCallbacks };

/** The `fs` of a ReadStream: its reads are made ahead of it. All else is looked up in `base` when it is needed. */
function readingFrom(base: object, options: ReadOptions): object {
  const { read, close } = new StreamReader(base, options);
  return Object.assign(Object.create(base), { read, close });
}

function readOperations(options: ReadOptions): object {
  return readingFrom(operations, options);
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
  if (own || isHandle) return options;
  const all: Record<string, unknown> = { fs: operationsFor(options) };
  for (const key in options) if (key !== 'fs') all[key] = (options as typeof all)[key]; // inherited ones, too, as Node does
  return all;
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

const { createReadStream: nodeCreateReadStream } = fs;

/**
 * createReadStream of node:fs itself, under `register`: the class is what fs.ReadStream is by then, and where somebody
 * has replaced fs.read or fs.close, that is called.
 */
export const registeredCreateReadStream = Object.defineProperties(
  // A function that may be called with `new`, as Node's may.
  function createReadStream(path: fs.PathLike, options?: unknown): fs.ReadStream {
    const { ReadStream: Stream } = fs as unknown as { ReadStream: Constructor<fs.ReadStream> };
    return new Stream(
      path,
      withRing(options, (each) => readingFrom(fs, each)),
    );
  },
  Object.getOwnPropertyDescriptors(nodeCreateReadStream),
) as typeof fs.createReadStream;
