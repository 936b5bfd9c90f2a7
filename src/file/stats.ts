// fs.Stats and fs.BigIntStats from what statx(2) answered: objects that nothing can tell from Node's own.
//
// Node has no constructor for them that may be used (DEP0180), and what they are made of changes: own Date fields
// in 20, lazy ones on the prototype since 22, symbol fields for the nanoseconds in 26. So the shape is taken from
// a real one; when that has a field that is not known here, there is no recipe and File asks fs.fstat.
import { type BigIntStats, type Stats, statSync } from 'node:fs';
import { STATX } from './statx.js';

type Fields = DataView<ArrayBuffer>;
type Value = number | bigint | Date;
type Read = (fields: Fields) => Value;

/** Builds a Stats, or null where it is not known how. */
export type StatsRecipe = ((fields: Fields) => Stats | BigIntStats) | null;

const TIMES = { atime: STATX.ATIME, mtime: STATX.MTIME, ctime: STATX.CTIME, birthtime: STATX.BTIME } as const;

function u32(at: number): (fields: Fields) => bigint {
  return (fields) => BigInt(fields.getUint32(at, true));
}

function u64(at: number): (fields: Fields) => bigint {
  return (fields) => fields.getBigUint64(at, true);
}

/** makedev(3) of glibc. */
function device(majorAt: number): (fields: Fields) => bigint {
  return (fields) => {
    const major = BigInt(fields.getUint32(majorAt, true));
    const minor = BigInt(fields.getUint32(majorAt + 4, true));
    return (
      ((major & 0xfffff000n) << 32n) |
      ((major & 0xfffn) << 8n) |
      ((minor & 0xffffff00n) << 12n) |
      (minor & 0xffn)
    );
  };
}

const INTEGERS: Readonly<Record<string, (fields: Fields) => bigint>> = {
  dev: device(STATX.DEV_MAJOR),
  mode: (fields) => BigInt(fields.getUint16(STATX.MODE, true)),
  nlink: u32(STATX.NLINK),
  uid: u32(STATX.UID),
  gid: u32(STATX.GID),
  rdev: device(STATX.RDEV_MAJOR),
  blksize: u32(STATX.BLKSIZE),
  ino: u64(STATX.INO),
  size: u64(STATX.SIZE),
  blocks: u64(STATX.BLOCKS),
};

const seconds = (fields: Fields, at: number): bigint => fields.getBigInt64(at, true);
const nanoseconds = (fields: Fields, at: number): number => fields.getUint32(at + STATX.TIME_NSEC, true);
const allNanoseconds = (fields: Fields, at: number): bigint =>
  seconds(fields, at) * 1_000_000_000n + BigInt(nanoseconds(fields, at));

/** How the field `key` of a Stats is read, or null for an unknown one. */
function reader(key: string | symbol, bigint: boolean): Read | null {
  const name = typeof key === 'symbol' ? (key.description ?? '') : key;
  if (typeof key === 'string' && name in INTEGERS) {
    const integer = INTEGERS[name];
    return bigint ? integer : (fields) => Number(integer(fields));
  }
  const partial = /^k?partial(atime|mtime|ctime|birthtime)ns$/i.exec(name);
  const match = partial ?? /^(atime|mtime|ctime|birthtime)(|Ms|Ns)$/.exec(name);
  if (!match) return null;
  const at = TIMES[match[1].toLowerCase() as keyof typeof TIMES];
  if (partial) return (fields) => nanoseconds(fields, at);
  if (match[2] === 'Ns') return (fields) => allNanoseconds(fields, at);
  if (match[2] === 'Ms') {
    return bigint
      ? (fields) => allNanoseconds(fields, at) / 1_000_000n
      : (fields) => millisecondsNumber(fields, at);
  }
  if (bigint) return (fields) => new Date(Math.round(Number(allNanoseconds(fields, at) / 1_000_000n)));
  return (fields) => new Date(Math.round(millisecondsNumber(fields, at)));
}

type Fill = Record<string | symbol, Value>;

/** What a Stats with numbers begins with in every version, in this order. */
const NUMBERS = [
  ...['dev', 'mode', 'nlink', 'uid', 'gid', 'rdev', 'blksize', 'ino', 'size', 'blocks'],
  ...['atimeMs', 'mtimeMs', 'ctimeMs', 'birthtimeMs'],
];

function u64Number(fields: Fields, at: number): number {
  return fields.getUint32(at + 4, true) * 2 ** 32 + fields.getUint32(at, true);
}

function deviceNumber(fields: Fields, at: number): number {
  const major = fields.getUint32(at, true);
  const minor = fields.getUint32(at + 4, true);
  const low = (((major & 0xfff) << 8) | (minor & 0xff)) >>> 0;
  return ((major & 0xfffff000) >>> 0) * 2 ** 32 + ((minor & 0xffffff00) >>> 0) * 2 ** 12 + low;
}

/** In this order of operations, because the last bit of the double depends on it. */
function millisecondsNumber(fields: Fields, at: number): number {
  const seconds = fields.getInt32(at + 4, true) * 2 ** 32 + fields.getUint32(at, true);
  return seconds * 1000 + fields.getUint32(at + STATX.TIME_NSEC, true) / 1e6;
}

/**
 * NUMBERS of a new object without a BigInt or a closure on the way, which takes a fifth of the time. A constructor, so
 * that V8 keeps room for the fields inside the object.
 */
function maker(prototype: object): new (fields: Fields) => Fill {
  function Made(this: Fill, fields: Fields): void {
    this['dev'] = deviceNumber(fields, STATX.DEV_MAJOR);
    this['mode'] = fields.getUint16(STATX.MODE, true);
    this['nlink'] = fields.getUint32(STATX.NLINK, true);
    this['uid'] = fields.getUint32(STATX.UID, true);
    this['gid'] = fields.getUint32(STATX.GID, true);
    this['rdev'] = deviceNumber(fields, STATX.RDEV_MAJOR);
    this['blksize'] = fields.getUint32(STATX.BLKSIZE, true);
    this['ino'] = u64Number(fields, STATX.INO);
    this['size'] = u64Number(fields, STATX.SIZE);
    this['blocks'] = u64Number(fields, STATX.BLOCKS);
    this['atimeMs'] = millisecondsNumber(fields, STATX.ATIME);
    this['mtimeMs'] = millisecondsNumber(fields, STATX.MTIME);
    this['ctimeMs'] = millisecondsNumber(fields, STATX.CTIME);
    this['birthtimeMs'] = millisecondsNumber(fields, STATX.BTIME);
  }
  Made.prototype = prototype;
  return Made as unknown as new (
    fields: Fields,
  ) => Fill;
}

/** The same for BigIntStats, and for what a version may begin a Stats with that is not NUMBERS. */
function bareMaker(prototype: object): new (fields: Fields) => Fill {
  function Made(): void {}
  Made.prototype = prototype;
  return Made as unknown as new (
    fields: Fields,
  ) => Fill;
}

function makeRecipe(bigint: boolean): StatsRecipe {
  const template: object = bigint ? statSync('/', { bigint: true }) : statSync('/');
  const prototype: object = Object.getPrototypeOf(template);
  const keys = Reflect.ownKeys(template);
  const isNumbers = !bigint && NUMBERS.every((name, i) => keys[i] === name);
  const Made = isNumbers ? maker(prototype) : bareMaker(prototype);
  const rest: [string | symbol, Read][] = [];
  for (const key of keys.slice(isNumbers ? NUMBERS.length : 0)) {
    const read = reader(key, bigint);
    if (read === null) return null;
    rest.push([key, read]);
  }
  return (fields) => {
    const stats = new Made(fields);
    for (const [key, read] of rest) stats[key] = read(fields);
    return stats as unknown as Stats | BigIntStats;
  };
}

const recipes = new Map<boolean, StatsRecipe>();

/** The recipe for this version of Node, worked out on first use. */
export function statsRecipe(bigint: boolean): StatsRecipe {
  let recipe = recipes.get(bigint);
  if (recipe === undefined) {
    recipe = makeRecipe(bigint);
    recipes.set(bigint, recipe);
  }
  return recipe;
}
