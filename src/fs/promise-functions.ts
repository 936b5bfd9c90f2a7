// The functions of node:fs/promises that the ring serves. Each takes what is obviously right; everything else (odd
// arguments, options that versions of Node differ in) it hands to Node's own function, whose errors and results are
// then simply Node's.
import { constants } from 'node:fs';
import type fs from 'node:fs/promises';
import { nodePromises } from '../abi/node-fs.js';
import * as attributes from '../file/attributes.js';
import { Descriptor } from '../file/descriptor.js';
import { systemError } from '../file/errors.js';
import { nextTurn } from '../file/inline.js';
import { plainFlags, plainMode, plainPath } from '../file/open-arguments.js';
import { openPath } from '../file/open-path.js';
import { ringOrNull } from './engine.js';
import {
  adopt,
  descriptorOf,
  handleClasses,
  handlesToBeKnown,
  isHandleChanged,
  isPlainStat,
} from './handle.js';
import { pathOperations } from './path-operations.js';
import { errorOf, type Parse, perform, rejection, text } from './request.js';
import { status } from './stat.js';
import { thenClosed } from './then-closed.js';
import { tracedPromise } from './trace.js';
import { readWhole, writeWhole } from './whole-file.js';

type Functions = typeof fs;
type Name =
  | 'open'
  | 'stat'
  | 'lstat'
  | 'truncate'
  | 'readFile'
  | 'writeFile'
  | 'appendFile'
  | keyof typeof pathOperations;

/** A function of node:fs/promises without its types. */
type Untyped = (...args: unknown[]) => Promise<unknown>;

/** Of one system call without an answer. */
function pathFunction(name: keyof typeof pathOperations): Untyped {
  const parse: Parse = pathOperations[name];
  const node = nodePromises[name] as Untyped;
  return (...args) => {
    const call = parse(...args);
    const ring = call && ringOrNull();
    if (ring === null) return node(...args);
    return new Promise((resolve) => {
      perform(ring, call!, (result) => {
        resolve(result < 0 ? rejection(() => errorOf(call!, result)) : undefined);
      });
    });
  };
}

function statFunction(name: 'stat' | 'lstat'): Untyped {
  const node = nodePromises[name] as Untyped;
  return (path, options, ...rest) => {
    const plain = isPlainStat(options) ? plainPath(path) : undefined;
    const ring = plain === undefined ? null : ringOrNull();
    const { bigint = false } = (options ?? {}) as { bigint?: boolean };
    return (ring && status(ring, name, plain!, bigint)) ?? node(path, options, ...rest);
  };
}

const open: Untyped = (path, flags, mode) => {
  const plain = plainPath(path);
  const all = plainFlags(flags);
  const permissions = plainMode(mode, 0o666);
  const isPlain = plain !== undefined && all !== undefined && permissions !== undefined;
  const ring = isPlain && (all & constants.O_DIRECT) === 0 ? ringOrNull() : null;
  if (ring === null) return nodePromises.open(path as string, flags as string, mode as number);
  return handleClasses().then((classes) => {
    if (classes === null) return nodePromises.open(path as string, flags as string, mode as number);
    return new Promise((resolve) => {
      openPath(ring, plain!, all!, permissions!, (fd) => {
        if (fd < 0) resolve(rejection(() => systemError(fd, 'open', text(plain))));
        // Node's own tests count on nextTick being over by the time a file has been made.
        else if ((all! & constants.O_CREAT) !== 0)
          resolve(nextTurn().then(() => adopt(ring, fd, all!, classes)));
        else resolve(adopt(ring, fd, all!, classes));
      });
    });
  });
};

const readFile: Untyped = (path, options) => {
  const pending = handlesToBeKnown();
  if (pending !== null) return pending.then(() => readFile(path, options));
  const handle = descriptorOf(path);
  if (handle !== undefined) return (path as fs.FileHandle).readFile(options as undefined);
  const ring = ringOrNull();
  return (
    (ring && readWhole(ring, path, options)) ?? nodePromises.readFile(path as string, options as undefined)
  );
};

function writeFunction(name: 'writeFile' | 'appendFile'): Untyped {
  const node = nodePromises[name] as Untyped;
  const write: Untyped = (path, data, options) => {
    const pending = handlesToBeKnown();
    if (pending !== null) return pending.then(() => write(path, data, options));
    if (descriptorOf(path) !== undefined)
      return (path as fs.FileHandle)[name](data as string, options as undefined);
    const ring = ringOrNull();
    const flags = name === 'writeFile' ? 'w' : 'a';
    return (ring && writeWhole(ring, path as string, data, options, flags)) ?? node(path, data, options);
  };
  return write;
}

const truncate: Untyped = (path, length = 0) => {
  const pending = handlesToBeKnown();
  if (pending !== null) return pending.then(() => truncate(path, length));
  const plain = Number.isSafeInteger(length) && !isHandleChanged() ? plainPath(path) : undefined;
  const ring = plain === undefined ? null : ringOrNull();
  if (ring === null) return nodePromises.truncate(path as string, length as number);
  return (async () => {
    const flags = constants.O_RDWR;
    const fd = await new Promise<number>((resolve) => openPath(ring, plain!, flags, 0, resolve));
    if (fd < 0) throw systemError(fd, 'open', text(plain));
    const descriptor = new Descriptor(ring, fd, flags, null);
    await thenClosed(descriptor, attributes.truncate(descriptor, length));
  })();
};

const functions: Record<Name, Untyped> = {
  open,
  stat: statFunction('stat'),
  lstat: statFunction('lstat'),
  truncate,
  readFile,
  writeFile: writeFunction('writeFile'),
  appendFile: writeFunction('appendFile'),
  rename: pathFunction('rename'),
  link: pathFunction('link'),
  symlink: pathFunction('symlink'),
  unlink: pathFunction('unlink'),
  rmdir: pathFunction('rmdir'),
  mkdir: pathFunction('mkdir'),
};

/** What the ring serves, ready to stand in for Node's. */
export const ringPromises = Object.fromEntries(
  Object.entries(functions).map(([name, ours]) => {
    return [name, tracedPromise(name, ours, nodePromises[name as Name] as never)];
  }),
) as unknown as Pick<Functions, Name>;
