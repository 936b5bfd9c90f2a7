// read, write, readv and writev, in all their signatures, right and wrong, compared with the running Node's own.
import { nodeMajor, sameAsNode } from './compare.js';

const bytes = (length: number): Buffer => Buffer.alloc(length);
// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are what these tests are about
const wrong = (value: unknown): any => value;

sameAsNode('read, right', {
  'read()': (h) => h.read(),
  'read(null)': (h) => h.read(wrong(null)),
  'read({})': (h) => h.read({}),
  'read({ buffer })': (h) => h.read({ buffer: bytes(8) }),
  'read({ buffer, offset, length, position })': (h) =>
    h.read({ buffer: bytes(8), offset: 2, length: 3, position: 4 }),
  'read({ position })': (h) => h.read({ position: 4 }),
  'read(buffer)': (h) => h.read(bytes(8)),
  'read(buffer), longer than the file': (h) => h.read(bytes(800)),
  'read(buffer, {})': (h) => h.read(bytes(8), {}),
  'read(buffer, { length })': (h) => h.read(bytes(8), { length: 5 }),
  'read(buffer, { offset })': (h) => h.read(bytes(8), { offset: 5 }),
  'read(buffer, { offset: null, length: null, position: null })': (h) =>
    h.read(bytes(8), { offset: wrong(null), length: wrong(null), position: null }),
  'read(buffer, 0, 8, 0)': (h) => h.read(bytes(8), 0, 8, 0),
  'read(buffer, 3, 2, 5)': (h) => h.read(bytes(8), 3, 2, 5),
  'read(buffer, null, null, null)': (h) => h.read(bytes(8), null, null, null),
  'read(buffer, undefined, undefined, 5)': (h) => h.read(bytes(8), undefined, undefined, 5),
  'read(buffer, 0, 8, -1)': (h) => h.read(bytes(8), 0, 8, -1),
  'read(buffer, 0, 8, 1000): behind the end': (h) => h.read(bytes(8), 0, 8, 1000),
  'read(buffer, 0, 8, 2 ** 53 - 1 - 8)': (h) => h.read(bytes(8), 0, 8, 2 ** 53 - 9),
  'read(buffer, 0, 0)': (h) => h.read(bytes(8), 0, 0),
  'read(buffer, 8)': (h) => h.read(bytes(8), 8),
  'read(empty)': (h) => h.read(bytes(0)),
  'read(DataView)': (h) => h.read(new DataView(new ArrayBuffer(12), 2, 6)),
  'read(Float64Array)': (h) => h.read(new Float64Array(2)),
  'read(Uint16Array, 2, 4)': (h) => h.read(new Uint16Array(8), 2, 4),
  'read(a view of a SharedArrayBuffer)': (h) => h.read(new Uint8Array(new SharedArrayBuffer(8))),
  'read(a view into the middle of memory)': (h) => h.read(new Uint8Array(new ArrayBuffer(32), 7, 9), 1, 3, 2),
  'reads one after the other': async (h) => [
    await h.read(bytes(4)),
    await h.read(bytes(4), 0, 4, 0),
    await h.read(bytes(40)),
    await h.read(bytes(4)),
  ],
  'read of a detached buffer': (h) => {
    const view = new Uint8Array(8);
    structuredClone(view, { transfer: [view.buffer] });
    return h.read(view).then(({ bytesRead }) => bytesRead);
  },
});

sameAsNode('read, wrong', {
  'a string': (h) => h.read(wrong('abc')),
  'a number': (h) => h.read(wrong(5)),
  'an array': (h) => h.read(wrong([])),
  'a function': (h) => h.read(wrong(() => {})),
  'an ArrayBuffer': (h) => h.read(wrong(new ArrayBuffer(8))),
  '{ buffer: a string }': (h) => h.read({ buffer: wrong('abc') }),
  '{ buffer: null }': (h) => h.read({ buffer: wrong(null) }),
  '{ buffer: an ArrayBuffer }': (h) => h.read({ buffer: wrong(new ArrayBuffer(3)) }),
  'offset: negative': (h) => h.read(bytes(8), -1),
  'offset: too large': (h) => h.read(bytes(8), 9),
  'offset: a fraction': (h) => h.read(bytes(8), 1.5),
  'offset: NaN': (h) => h.read(bytes(8), Number.NaN),
  'offset: a string': (h) => h.read(bytes(8), wrong('1')),
  'offset: a bigint': (h) => h.read(bytes(8), wrong(1n)),
  'offset: a boolean': (h) => h.read(bytes(8), wrong(true)),
  'offset: 2 ** 53': (h) => h.read(bytes(8), 2 ** 53),
  'length: negative': (h) => h.read(bytes(8), 0, -1),
  'length: too large': (h) => h.read(bytes(8), 0, 9),
  'length: too large for the offset': (h) => h.read(bytes(8), 4, 5),
  'length: too large, in options': (h) => h.read(bytes(8), { length: 9 }),
  'empty buffer with a length': (h) => h.read(bytes(0), 0, 5),
  'detached buffer with a length': (h) => {
    const whole = new Uint8Array(8);
    structuredClone(whole, { transfer: [whole.buffer] });
    return h.read(whole, 0, 8, 0);
  },
  'position: a string': (h) => h.read(bytes(8), 0, 8, wrong('1')),
  'position: a boolean': (h) => h.read(bytes(8), 0, 8, wrong(true)),
  'position: an object': (h) => h.read(bytes(8), 0, 8, wrong({})),
  'position: a fraction': (h) => h.read(bytes(8), 0, 8, 1.5),
  'position: NaN': (h) => h.read(bytes(8), 0, 8, Number.NaN),
  'position: -2': (h) => h.read(bytes(8), 0, 8, -2),
  'position: a string, in options': (h) => h.read(bytes(8), { position: wrong('1') }),
  'position wrong, length 0': (h) => h.read(bytes(8), 0, 0, wrong('1')),
});

// Node 20 takes these for the current position: here they are positions, or errors, in every version.
sameAsNode(
  'read, large positions',
  {
    'position: 2 ** 53': (h) => h.read(bytes(8), 0, 8, 2 ** 53),
    'position: 2 ** 63': (h) => h.read(bytes(8), 0, 8, 2 ** 63),
    'position: Infinity': (h) => h.read(bytes(8), 0, 8, Number.POSITIVE_INFINITY),
    'position: 5n': (h) => h.read(bytes(8), 0, 8, 5n),
    'position: -1n': (h) => h.read(bytes(8), 0, 8, -1n),
    'position: -2n': (h) => h.read(bytes(8), 0, 8, -2n),
    'position: 2n ** 60n': (h) => h.read(bytes(8), 0, 8, 2n ** 60n),
    'position: 2n ** 63n - 9n': (h) => h.read(bytes(8), 0, 8, 2n ** 63n - 9n),
    'position: 2n ** 63n - 8n': (h) => h.read(bytes(8), 0, 8, 2n ** 63n - 8n),
    'position: 2n ** 63n': (h) => h.read(bytes(8), 0, 8, 2n ** 63n),
  },
  { skip: nodeMajor < 22 && 'Node 20 reads at the current position' },
);

sameAsNode('write, right', {
  'write(buffer)': (h) => h.write(Buffer.from('slow')),
  'write(buffer, {})': (h) => h.write(Buffer.from('slow'), {}),
  'write(buffer, { offset, length, position })': (h) =>
    h.write(Buffer.from('slow'), { offset: 1, length: 2, position: 7 }),
  'write(buffer, null)': (h) => h.write(Buffer.from('slow'), null),
  'write(buffer, null, 2, 4): options, so neither length nor position': (h) =>
    h.write(Buffer.from('slow'), null, 2, 4),
  'write(buffer, 1, 2, 5)': (h) => h.write(Buffer.from('slow'), 1, 2, 5),
  'write(buffer, 1, null, 5)': (h) => h.write(Buffer.from('slow'), 1, null, 5),
  'write(buffer, 1, "2", 5)': (h) => h.write(Buffer.from('slow'), 1, wrong('2'), 5),
  'write(buffer, 0, 4, -1)': (h) => h.write(Buffer.from('slow'), 0, 4, -1),
  'write(buffer, 0, 4, -7)': (h) => h.write(Buffer.from('slow'), 0, 4, -7),
  'write(buffer, 0, 4, 1.5): the current position': (h) => h.write(Buffer.from('slow'), 0, 4, 1.5),
  'write(buffer, 0, 4, "1"): the current position': (h) => h.write(Buffer.from('slow'), 0, 4, wrong('1')),
  'write(buffer, 0, 4, NaN): the current position': (h) => h.write(Buffer.from('slow'), 0, 4, Number.NaN),
  'write(buffer, 0, 4, 100): behind the end': (h) => h.write(Buffer.from('slow'), 0, 4, 100),
  'write(buffer, 0, 0)': (h) => h.write(Buffer.from('slow'), 0, 0),
  'write(buffer, 4)': (h) => h.write(Buffer.from('slow'), 4),
  'write(empty)': (h) => h.write(bytes(0)),
  'write(empty, wrong offset)': (h) => h.write(bytes(0), wrong('x')),
  'write(Float64Array)': (h) => h.write(new Float64Array([1, 2])),
  'write(DataView)': (h) => h.write(new DataView(new ArrayBuffer(5))),
  'write(text)': (h) => h.write('slow'),
  'write(text, 4)': (h) => h.write('slow', 4),
  'write(text, null, "utf8")': (h) => h.write('slöw', null, 'utf8'),
  'write(text, null, "latin1")': (h) => h.write('slöw', null, 'latin1'),
  'write(text, null, "utf16le")': (h) => h.write('slöw', null, 'utf16le'),
  'write(text, 2, "hex")': (h) => h.write('616263', 2, 'hex'),
  'write(text, 2, "base64")': (h) => h.write('YWJj', 2, 'base64'),
  'write(text, 2, unknown encoding)': (h) => h.write('slow', 2, wrong('klingon')),
  'write(text, options)': (h) => h.write('slow', wrong({ position: 3 })),
  'write("")': (h) => h.write(''),
  'write(a lone surrogate)': (h) => h.write('a\ud800b'),
  'write(an empty ArrayBuffer)': (h) => h.write(wrong(new ArrayBuffer(0))),
  'write({ byteLength: 0 })': (h) => h.write(wrong({ byteLength: 0 })),
  'writes one after the other': async (h) => [
    await h.write('ab'),
    await h.write(Buffer.from('cd')),
    await h.write(Buffer.from('ef'), 0, 2, 0),
    await h.write('gh'),
  ],
});

sameAsNode('write, wrong', {
  undefined: (h) => h.write(wrong(undefined)),
  null: (h) => h.write(wrong(null)),
  'a number': (h) => h.write(wrong(5)),
  'an object': (h) => h.write(wrong({})),
  'an array': (h) => h.write(wrong([1, 2])),
  'an ArrayBuffer': (h) => h.write(wrong(new ArrayBuffer(3))),
  'odd hexadecimal': (h) => h.write('abc', 0, 'hex'),
  'offset: negative': (h) => h.write(bytes(8), -1),
  'offset: too large': (h) => h.write(bytes(8), 9),
  'offset: a fraction': (h) => h.write(bytes(8), 0.5),
  'offset: a string': (h) => h.write(bytes(8), wrong('1')),
  'length: negative': (h) => h.write(bytes(8), 0, -1),
  'length: too large': (h) => h.write(bytes(8), 0, 9),
  'length: a fraction': (h) => h.write(bytes(8), 0, 1.5),
  'length: NaN': (h) => h.write(bytes(8), 0, Number.NaN),
  'length: too large for the offset': (h) => h.write(bytes(8), { offset: 4, length: 5 }),
});

const views = (...lengths: number[]): Buffer[] => lengths.map(bytes);

sameAsNode('readv and writev', {
  'readv(buffers)': (h) => h.readv(views(3, 4)),
  'readv(buffers, 5)': (h) => h.readv(views(3, 4), 5),
  'readv(buffers, null)': (h) => h.readv(views(3, 4), wrong(null)),
  'readv(buffers, "5")': (h) => h.readv(views(3, 4), wrong('5')),
  'readv(buffers, 1.5)': (h) => h.readv(views(3, 4), 1.5),
  'readv(buffers), longer than the file': (h) => h.readv(views(10, 100, 5)),
  'readv([])': (h) => h.readv([]),
  'readv([empty])': (h) => h.readv([bytes(0)]),
  'readv([empty, full, empty])': (h) => h.readv(views(0, 4, 0)),
  'readv(not an array)': (h) => h.readv(wrong(bytes(3))),
  'readv(an array of strings)': (h) => h.readv(wrong(['abc'])),
  'readv()': (h) => h.readv(wrong(undefined)),
  'readv of 1500 buffers: only 1024': async (h) =>
    (await h.readv(Array.from({ length: 1500 }, () => bytes(1)))).bytesRead,
  'writev(buffers)': (h) => h.writev([Buffer.from('slow'), Buffer.from('er')]),
  'writev(buffers, 5)': (h) => h.writev([Buffer.from('slow'), Buffer.from('er')], 5),
  'writev(buffers, -5)': (h) => h.writev([Buffer.from('slow')], -5),
  'writev([])': (h) => h.writev([]),
  'writev([empty])': (h) => h.writev([bytes(0)]),
  'writev(other views)': (h) => h.writev([new Uint16Array([1, 2]), new DataView(new ArrayBuffer(3))]),
  'writev(a string)': (h) => h.writev(wrong('abc')),
  'writev([a string])': (h) => h.writev(wrong(['abc'])),
  'writev of 1500 buffers: all of them': async (h) =>
    (await h.writev(Array.from({ length: 1500 }, (_, i) => Buffer.from([i & 0xff])))).bytesWritten,
});

sameAsNode(
  'a file opened for reading only',
  {
    'write(buffer)': (h) => h.write(Buffer.from('slow')),
    'write(text)': (h) => h.write('slow', 0),
    'write(buffer, 0, 0)': (h) => h.write(Buffer.from('slow'), 0, 0),
    'writev(buffers)': (h) => h.writev([Buffer.from('slow')]),
    'writeFile(text)': (h) => h.writeFile('slow'),
    'truncate(0)': (h) => h.truncate(0),
  },
  { flags: 'r' },
);

sameAsNode(
  'a file opened for writing only',
  {
    'read(buffer)': (h) => h.read(bytes(8)),
    'read(buffer, 0, 8, 0)': (h) => h.read(bytes(8), 0, 8, 0),
    'readv(buffers)': (h) => h.readv(views(3)),
    'readFile()': (h) => h.readFile(),
    'write(text)': (h) => h.write('slow'),
  },
  { flags: 'w' },
);

for (const flags of ['a', 'a+', 'as', 'as+']) {
  sameAsNode(
    `a file opened with '${flags}'`,
    {
      'write(text)': (h) => h.write(' jumps'),
      'write(buffer, 0, 6, 2): at the end all the same': (h) => h.write(Buffer.from(' jumps'), 0, 6, 2),
      'writev(buffers, 2)': (h) => h.writev([Buffer.from(' jumps'), Buffer.from(' over')], 2),
      appendFile: (h) => h.appendFile(' jumps over the lazy dog'),
      'writes and a read at the current position': async (h) => [
        await h.write('ab'),
        await h.write(Buffer.from('cd'), 0, 2, 1),
        flags.includes('+') ? await h.read(bytes(100)) : null,
      ],
    },
    { flags },
  );
}
