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
/** In this order of operations, because the last bit of the double depends on it. */
const milliseconds = (fields: Fields, at: number): number =>
  Number(seconds(fields, at)) * 1000 + nanoseconds(fields, at) / 1e6;
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
      : (fields) => milliseconds(fields, at);
  }
  if (bigint) return (fields) => new Date(Math.round(Number(allNanoseconds(fields, at) / 1_000_000n)));
  return (fields) => new Date(Math.round(milliseconds(fields, at)));
}

function makeRecipe(bigint: boolean): StatsRecipe {
  const template: object = bigint ? statSync('/', { bigint: true }) : statSync('/');
  const readers: [string | symbol, Read][] = [];
  for (const key of Reflect.ownKeys(template)) {
    const read = reader(key, bigint);
    if (read === null) return null;
    readers.push([key, read]);
  }
  const prototype: object = Object.getPrototypeOf(template);
  return (fields) => {
    const stats = Object.create(prototype) as Record<string | symbol, Value>;
    for (const [key, read] of readers) stats[key] = read(fields);
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
