// What the fuzzer calls with: arguments drawn once and made anew for each player, valid more often than not.
import fs from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { pick, type Random } from '../../differential/random.js';
import { CLOSED_FD, FIFOS, pattern, SLOTS, type World } from './world.js';

/** An argument: all that is random in it is drawn already. */
export type Argument = (world: World) => unknown;

const constant =
  (value: unknown): Argument =>
  () =>
    value;

const FILES = ['a', 'b', 'big', 'empty', 'folder/file', 'link', 'new1', 'new2', 'dirlink/file'];
const PLACES = [
  ...FILES,
  'folder',
  'folder/inner',
  'dirlink',
  'dangling',
  'loop',
  'missing',
  'missing/x',
  'a/under',
  'fifo1',
  'newdir',
  'newdir/sub',
  `${'n'.repeat(260)}`,
  'nul\0byte',
  'ünïcode',
];
/** Only to read from: everything else stays inside the directory. */
const OUTSIDE = [
  '/dev/null',
  '/proc/version',
  '/proc/filesystems',
  '/proc/self/status-not-there',
  '/proc/sys/kernel/ostype',
  '/sys/kernel/mm/transparent_hugepage/enabled',
  '/proc/self/mem-not',
  '/proc/sys/kernel',
];

/** No integers: as a path those would be descriptors, of the test itself, and negative ones end Node in an exception. */
const BAD: readonly unknown[] = [null, undefined, true, 1.5, {}, [], Symbol('bad'), () => {}, Number.NaN, 7n];

export class Values {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** One of ten times the wrong thing. */
  bad(often = 10): boolean {
    return this.random(often) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return pick(this.random, list);
  }

  garbage(): Argument {
    return constant(this.pick(BAD));
  }

  one(...list: readonly unknown[]): Argument {
    return constant(this.pick(list));
  }

  /** Inside the directory, as text, bytes or URL. */
  path(places: readonly string[] = this.random(2) ? FILES : PLACES): Argument {
    if (this.bad(14)) return this.garbage();
    if (this.bad(60)) return this.one('', new URL('http://example.org/x'), new URL('file://host/x'));
    const place = this.pick(places);
    const form = this.random(12);
    return ({ directory }) => {
      const path = join(directory, place);
      if (form === 0) return Buffer.from(path);
      if (form === 1 && !place.includes('\0')) return pathToFileURL(path);
      if (form === 2) return new Uint8Array(Buffer.from(path));
      return path;
    };
  }

  /** Not to be opened for what would wait: a FIFO nobody else has open. */
  regularPath(): Argument {
    return this.path(this.random(2) ? FILES : PLACES.filter((place) => !FIFOS.includes(place)));
  }

  readablePath(): Argument {
    return this.bad(6) ? this.one(...OUTSIDE) : this.regularPath();
  }

  mode(): Argument {
    if (this.bad(8)) return this.one(-1, 'rwx', 1.5, 2 ** 33, {}, true, '', Number.NaN);
    return this.one(0o700, 0o744, 0o755, '700', '0o740', 0o4755, null, undefined);
  }

  flags(): Argument {
    if (this.bad(8)) return this.one('x', '', 'rw', {}, true, 1.5, -1, 2 ** 31, Symbol('f'), 'R', []);
    const { O_RDWR, O_CREAT, O_EXCL, O_APPEND, O_DIRECTORY, O_NOFOLLOW, O_WRONLY, O_TRUNC } = fs.constants;
    return this.one(
      ...['r', 'r', 'r+', 'r+', 'w', 'w+', 'a', 'a+', 'ax', 'wx', 'wx+', 'rs', 'rs+', 'as', 'as+', 'xw'],
      ...[O_RDWR, O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_EXCL, O_RDWR | O_APPEND, 0, null, undefined],
      ...[O_DIRECTORY, O_NOFOLLOW, O_WRONLY | O_TRUNC],
    );
  }

  readFlag(): Argument {
    return this.bad(10) ? this.flags() : this.one('r', 'r', 'r+', 'a+', 'rs', 0, undefined, null);
  }

  /** Of names that come back. */
  nameEncoding(): Argument {
    return this.bad(4) ? this.one('buffer', 'buffer', 'hex', 'nothing') : this.encoding();
  }

  /** What a link says: relative, so that it is the same for each player. */
  linkTarget(): Argument {
    return this.bad(8) ? this.garbage() : this.one('a', 'folder', 'missing', Buffer.from('b'), './empty');
  }

  encoding(): Argument {
    if (this.bad(8)) return this.one('nothing', 'UTF-9', 5, true, {}, Symbol('e'));
    return this.one(
      'utf8',
      'latin1',
      'hex',
      'base64',
      'utf16le',
      'ascii',
      'base64url',
      null,
      undefined,
      'UTF-8',
    );
  }

  /** Positions, lengths and offsets; without what versions of Node treat differently. */
  position(): Argument {
    if (this.bad(9))
      return this.one('1', {}, true, 1.5, Symbol('p'), -2, 2 ** 53, 2n ** 63n, Number.NaN, -5n);
    return this.one(0, 1, 100, 4095, 4096, 20_000, 100_000, null, null, undefined, -1, 7n, 0n, -1n);
  }

  buffer(): Argument {
    // No text: what is meant as an offset would become a position, and the file 1 TB long.
    if (this.bad(12)) return this.one(null, undefined, 5, {}, [], new ArrayBuffer(4), true, Object('text'));
    const length = this.pick([0, 1, 7, 100, 4096, 5000, 16_384, 70_000]);
    const kind = this.random(9);
    const mark = this.random(100);
    return () => {
      const bytes = pattern(length, mark);
      if (kind === 0) return new DataView(bytes.buffer, bytes.byteOffset, length);
      if (kind === 1) return new Uint16Array(length >> 1).fill(mark);
      if (kind === 2) return new Uint8Array(bytes);
      if (kind === 3) return new Float64Array(length >> 3).fill(mark);
      if (kind === 4) return Buffer.concat([bytes, bytes]).subarray(length >> 1, (length >> 1) + length);
      if (kind === 5) {
        const shared = new Uint8Array(new SharedArrayBuffer(length));
        shared.set(bytes);
        return shared;
      }
      return bytes;
    };
  }

  buffers(): Argument {
    if (this.bad(12)) return this.one(null, undefined, 'text', [null], ['x'], [1, 2], {}, Buffer.alloc(3));
    const list = Array.from({ length: this.random(6) }, () => {
      const length = this.pick([0, 1, 10, 4096, 9000]);
      return [length, this.random(100)] as const;
    });
    return () => list.map(([length, mark]) => pattern(length, mark));
  }

  /** Offset or length; of wrong types only where Node looks: FileHandle.read hands them on, and Node ends in an abort. */
  length(checked = false): Argument {
    if (checked && this.bad(8)) return this.one(1.5, '3', {}, Number.NaN, Symbol('l'), true);
    if (this.bad(8)) return this.one(-1, null, 2 ** 31, 2 ** 40);
    return this.one(0, 1, 50, 100, 4096, undefined, undefined);
  }

  /** What writeFile takes. */
  data(): Argument {
    if (this.bad(10)) return this.one(null, undefined, 5, true, {}, [], Symbol('d'), () => {}, new Date(0));
    const text = 'grüße, 世界 '.repeat(this.random(40));
    const parts = Array.from({ length: this.random(4) }, () => this.random(3000));
    switch (this.random(9)) {
      case 0:
      case 1:
        return constant(text);
      case 2:
        return () => Readable.from(parts.map((length) => pattern(length, length)));
      case 3:
        return () =>
          (async function* () {
            for (const length of parts) yield length % 2 ? 'é'.repeat(length) : pattern(length, length);
          })();
      case 4:
        return () => parts.map((length) => pattern(length, length)).values();
      default:
        return this.buffer();
    }
  }

  signal(): Argument {
    const kind = this.random(24);
    return () => {
      if (kind === 0) return AbortSignal.abort(new Error('stop'));
      if (kind === 1) return AbortSignal.abort('a reason');
      if (kind === 2) return { aborted: false };
      if (kind === 3) return 'signal';
      if (kind < 8) return new AbortController().signal;
      return undefined;
    };
  }

  /** An object with some of the fields, an encoding in place of it, or nothing. */
  options(fields: Readonly<Record<string, () => Argument>>, encoding = true): Argument {
    const choice = this.random(10);
    if (choice < 3) return constant(undefined);
    if (choice === 3) return this.bad(3) ? this.one(5, true, 'nothing', Symbol('o')) : constant(null);
    if (choice < 6 && encoding) return this.encoding();
    const drawn = Object.entries(fields)
      .filter(() => this.random(2))
      .map(([name, draw]) => [name, draw()] as const);
    return (world) => Object.fromEntries(drawn.map(([name, make]) => [name, make(world)]));
  }

  flag(): Argument {
    if (this.bad(6)) return this.one('yes', 1, null, {}, 0);
    return this.one(true, false, undefined);
  }

  time(): Argument {
    if (this.bad(8)) return this.one('never', {}, true, Number.NaN, null, undefined, Symbol('t'), [], 'x1');
    return this.one(0, 1, 1234.5, '17', new Date(86_400_000), -1, 2_000_000_000, 4_500_000_000.25);
  }

  id(): Argument {
    if (this.bad(5)) return this.one('0', -2, 1.5, {}, null, 2 ** 33, undefined);
    return this.one(0, 0, -1);
  }

  handle(): Argument {
    const slot = this.random(SLOTS);
    return ({ handles }) => handles[slot];
  }

  fd(): Argument {
    if (this.bad(12)) return this.one(1.5, '1', null, undefined, {}, CLOSED_FD, 2 ** 31, 2 ** 33);
    const slot = this.random(SLOTS);
    return ({ fds }) => fds[slot];
  }
}
