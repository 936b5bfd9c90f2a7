// Streams, lines and Web streams, compared with those of the running Node's FileHandle.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { buffer as collect, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from 'linux-aio';
import { openPipe, temporaryFile } from '../support/temp.js';
import { nodeMajor, outcome, owned, sameAsNode } from './compare.js';

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are what these tests are about
const wrong = (value: unknown): any => value;
const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} äöü\r\n`).join('');

/** Chunks and events of a stream, as they came. */
async function trace(stream: fs.ReadStream | fs.WriteStream, run?: () => unknown): Promise<unknown[]> {
  const events: unknown[] = [];
  for (const name of ['ready', 'open', 'end', 'finish', 'close']) stream.on(name, () => events.push(name));
  stream.on('error', (error: Error & { code?: string }) =>
    events.push(`error ${error.code} ${error.message}`),
  );
  if (stream instanceof fs.ReadStream) stream.on('data', (chunk) => events.push(chunk));
  const closed = new Promise((resolve) => {
    stream.on('close', resolve);
  });
  await run?.();
  if (!stream.closed) await Promise.race([closed, sleep(3000, 'timeout')]);
  await sleep(5);
  return events;
}

sameAsNode('createReadStream', {
  'createReadStream()': async (h) => [await trace(h.createReadStream()), h.fd],
  'in text': async (h) => trace(h.createReadStream({ encoding: 'utf8' })),
  'with start': (h) => trace(h.createReadStream({ start: 4 })),
  'with end': (h) => trace(h.createReadStream({ end: 8 })),
  'with start and end': (h) => trace(h.createReadStream({ start: 4, end: 8 })),
  'of one byte': (h) => trace(h.createReadStream({ start: 4, end: 4 })),
  'from behind the end': (h) => trace(h.createReadStream({ start: 400 })),
  'with highWaterMark': (h) => trace(h.createReadStream({ highWaterMark: 5 })),
  'with emitClose: false': (h) =>
    Promise.race([trace(h.createReadStream({ emitClose: false })), sleep(100, 'no close')]),
  'after a read: from the current position': async (h) => [
    await h.read(Buffer.alloc(5)),
    await collect(h.createReadStream()),
  ],
  'with autoClose: false it leaves the file open': async (h) => {
    const content = await text(h.createReadStream({ autoClose: false, start: 0 }));
    return [content, h.fd > 0, await h.read(Buffer.alloc(4), 0, 4, 0)];
  },
  destroyed: async (h) => {
    const stream = h.createReadStream();
    return [await trace(stream, () => stream.destroy()), h.fd];
  },
  'destroyed with an error': (h) => {
    const stream = h.createReadStream();
    return trace(stream, () => stream.destroy(new Error('enough')));
  },
  'closed with its file': async (h) => {
    const stream = h.createReadStream();
    return [await trace(stream, () => h.close()), stream.destroyed];
  },
  'with a signal aborted before': async (h) => {
    const stream = h.createReadStream({ signal: AbortSignal.abort() });
    return trace(stream);
  },
  'with a signal aborted at once': (h) => {
    const controller = new AbortController();
    const stream = h.createReadStream({ signal: controller.signal });
    return trace(stream, () => controller.abort());
  },
  'iterated over, and left': async (h) => {
    const lengths = [];
    for await (const chunk of h.createReadStream({ highWaterMark: 3 })) {
      lengths.push(chunk.length);
      break;
    }
    await sleep(20);
    return [lengths, h.fd];
  },
  'wrong: start': (h) => h.createReadStream({ start: wrong('x') }),
  'wrong: start negative': (h) => h.createReadStream({ start: -1 }),
  'wrong: end': (h) => h.createReadStream({ end: wrong('x') }),
  'wrong: start behind end': (h) => h.createReadStream({ start: 5, end: 4 }),
  'wrong: highWaterMark': (h) => h.createReadStream({ highWaterMark: wrong('x') }),
  'wrong: encoding': (h) => h.createReadStream({ encoding: wrong('klingon') }),
  'wrong: signal': (h) => h.createReadStream({ signal: wrong(5) }),
  'wrong: fs': (h) => h.createReadStream(wrong({ fs: { read() {} } })),
  'two at once': async (h) =>
    Promise.all([
      text(h.createReadStream({ start: 0, autoClose: false })),
      text(h.createReadStream({ start: 4, autoClose: false })),
    ]),
  'the properties of a stream': (h) => {
    const { path, fd, start, end, bytesRead, pending, autoClose, flags, mode } = h.createReadStream({
      start: 3,
    }) as Record<string, unknown> & fs.ReadStream;
    return [path, fd === h.fd, start, end, bytesRead, pending, autoClose, flags, mode];
  },
});

sameAsNode(
  'a stream of a large file',
  {
    read: async (h) => (await collect(h.createReadStream())).equals(Buffer.from(lines)),
    'in text': async (h) => (await text(h.createReadStream({ encoding: 'utf8' }))) === lines,
    'in chunks of the same size': async (h) => {
      const sizes = [];
      for await (const chunk of h.createReadStream()) sizes.push(chunk.length);
      return sizes;
    },
    readLines: async (h) => {
      const read = [];
      for await (const line of h.readLines()) read.push(line);
      return [read.length, read[0], read[19_999], h.fd];
    },
    'readLines with start and autoClose: false': async (h) => {
      const read = [];
      for await (const line of h.readLines({ start: 5, end: 50, autoClose: false })) read.push(line);
      return [read, h.fd > 0];
    },
  },
  { content: lines },
);

const write = (h: FileHandle, options: object | undefined, ...chunks: (string | Buffer)[]) => {
  const stream = h.createWriteStream(options);
  return trace(stream, () => {
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
  });
};

sameAsNode('createWriteStream', {
  'createWriteStream()': async (h) => [await write(h, undefined, 'slow', Buffer.from('er')), h.fd],
  'with start': (h) => write(h, { start: 4 }, 'slow', 'er'),
  'with encoding': (h) => write(h, { encoding: 'hex' }, '616263'),
  'with flush': (h) => write(h, { flush: true }, 'slow'),
  'with highWaterMark': async (h) => [await write(h, { highWaterMark: 2 }, 'slow', 'er'), h.fd],
  'many chunks at once': (h) => write(h, undefined, ...Array.from({ length: 300 }, (_, i) => `${i},`)),
  'closed with its file: everything is written first': async (h) => {
    const stream = h.createWriteStream();
    return trace(stream, () => {
      stream.write(Buffer.alloc(100_000, 'x'));
      stream.write('the end');
      return h.close();
    });
  },
  destroyed: (h) => {
    const stream = h.createWriteStream();
    return trace(stream, () => stream.destroy());
  },
  bytesWritten: async (h) => {
    const stream = h.createWriteStream();
    stream.end('slow');
    await once(stream, 'close');
    return stream.bytesWritten;
  },
  'wrong: start': (h) => h.createWriteStream({ start: wrong('x') }),
  'wrong: flush': (h) => h.createWriteStream({ flush: wrong('x') }),
  'wrong: encoding': (h) => h.createWriteStream({ encoding: wrong('klingon') }),
  'wrong: fs': (h) => h.createWriteStream(wrong({ fs: { write() {} } })),
});

sameAsNode(
  'a stream that cannot write',
  {
    createWriteStream: (h) => write(h, undefined, 'slow'),
  },
  { flags: 'r' },
);

sameAsNode('readableWebStream', {
  'read whole': async (h) => {
    const chunks = [];
    for await (const chunk of h.readableWebStream()) chunks.push(chunk);
    return [chunks, h.fd > 0];
  },
  "of type 'bytes'": async (h) => {
    const chunks = [];
    for await (const chunk of h.readableWebStream(wrong({ type: 'bytes' }))) chunks.push(chunk);
    return chunks;
  },
  'read into buffers of the reader': async (h) => {
    const reader = h.readableWebStream(wrong({ type: 'bytes' })).getReader({ mode: 'byob' });
    const first = await reader.read(new Uint8Array(4));
    const second = await reader.read(new Uint8Array(100));
    const third = await reader.read(new Uint8Array(10));
    return [first, second, third, await reader.closed];
  },
  'from the current position': async (h) => {
    await h.read(Buffer.alloc(4));
    return await new Response(h.readableWebStream(wrong({ type: 'bytes' })) as ReadableStream).text();
  },
  'only once': (h) => {
    h.readableWebStream(wrong({ type: 'bytes' }));
    return h.readableWebStream(wrong({ type: 'bytes' }));
  },
  cancelled: async (h) => {
    const stream = h.readableWebStream(wrong({ type: 'bytes' }));
    await stream.cancel('enough');
    return [h.fd > 0, await h.read(Buffer.alloc(4))];
  },
  'of a file that is closed meanwhile': async (h) => {
    const reader = h.readableWebStream(wrong({ type: 'bytes' })).getReader();
    await h.close();
    return [(await reader.read()).done, await reader.closed, h.fd];
  },
});

sameAsNode(
  'readableWebStream, options',
  {
    'autoClose: true': async (h) => {
      await new Response(h.readableWebStream({ autoClose: true }) as ReadableStream).text();
      await sleep(5);
      return h.fd;
    },
    'autoClose: true, cancelled': async (h) => {
      await h.readableWebStream({ autoClose: true }).cancel();
      return h.fd;
    },
    'wrong: null': (h) => h.readableWebStream(wrong(null)),
    'wrong: 5': (h) => h.readableWebStream(wrong(5)),
    'wrong: autoClose': (h) => h.readableWebStream({ autoClose: wrong('x') }),
  },
  { skip: nodeMajor < 22 && 'Node 20 has no autoClose' },
);

describe('streams', () => {
  it('copy a file', async (t) => {
    const [from, to] = [temporaryFile(t, lines), temporaryFile(t)];
    const [source, target] = [await open(from), await open(to, 'w')];
    await pipeline(source.createReadStream(), target.createWriteStream());
    assert.equal(fs.readFileSync(to, 'utf8'), lines);
    assert.deepEqual([source.fd, target.fd], [-1, -1]);
  });

  it('leave nothing behind on their file', async (t) => {
    const file = await open(temporaryFile(t, 'content'), 'r+');
    for (let i = 0; i < 20; i++) {
      await text(file.createReadStream({ start: 0, autoClose: false }));
      const stream = file.createReadStream({ start: 0, autoClose: false });
      stream.destroy();
      await once(stream, 'close');
      if (file.fd === -1) break;
    }
    assert.equal(file.listenerCount('close'), 0);
    await file.close();
  });

  it('that write, with autoClose: false, leave the file open', async (t) => {
    const file = await open(temporaryFile(t), 'r+');
    const stream = file.createWriteStream({ autoClose: false });
    stream.end('slow');
    await once(stream, 'finish');
    assert.equal(await file.readFile('utf8'), '');
    assert.equal((await file.read(Buffer.alloc(4), 0, 4, 0)).buffer.toString(), 'slow');
    await file.close();
    assert.equal(file.fd, -1);
  });

  it('do not wait for a pipe once destroyed', { timeout: 3000 }, async (t) => {
    const file = owned(t, openPipe(t), 'read');
    const stream = file.createReadStream();
    stream.resume();
    await sleep(10);
    stream.destroy();
    await once(stream, 'close');
    assert.equal(file.fd, -1);
  });

  it('of the Web neither, once cancelled', { timeout: 3000 }, async (t) => {
    const file = owned(t, openPipe(t), 'read');
    const reader = file.readableWebStream({ autoClose: true, type: 'bytes' }).getReader();
    const reading = reader.read();
    await sleep(10);
    await reader.cancel();
    assert.equal((await reading).done, true);
    assert.equal(file.fd, -1);
  });

  it('of the Web end when their file is closed while they wait', { timeout: 3000 }, async (t) => {
    const file = owned(t, openPipe(t), 'read');
    const reader = file.readableWebStream({ type: 'bytes' }).getReader();
    const reading = reader.read();
    await sleep(10);
    await file.close();
    assert.equal((await reading).done, true);
  });

  it('of the Web let go of a file whose read failed', async () => {
    const file = await open('/tmp');
    const reader = file.readableWebStream({ type: 'bytes' }).getReader();
    assert.equal((await outcome(() => reader.read())).error?.['code'], 'EISDIR');
    await file.close();
    assert.equal(file.fd, -1);
  });
});
