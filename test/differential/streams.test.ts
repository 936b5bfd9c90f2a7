// Random sequences of requests on pipes and sockets, many of them blocked: data that comes in parts, cancellations, ends,
// wrong descriptors. A model says what each result must be, so an engine is checked even where it is the only one.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import type { Done, Ring } from 'linux-aio';
import { availableEngines } from '../support/engines.js';
import { errno, openRing, result } from '../support/ring.js';
import { closePipe, openPipe, temporaryDirectory } from '../support/temp.js';
import { again, LENGTH, pick, type Random, randomOf, seeds } from './random.js';

/** A way for bytes: a pipe, or a connected pair of sockets. */
interface Way {
  reader: number;
  writer: number;
  /** no byte follows */
  end: () => Promise<unknown>;
  destroy: () => void;
}

/** A blocked read and what has become of it. */
interface Waiting {
  id: number;
  length: number;
  buffer: Buffer;
  result: Promise<number>;
}

/** Never more than this is in a pipe that nobody reads: writes do not block. */
const FULL = 60_000;
const SIZES = [1, 2, 10, 100, 4000];
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;

function pipeWay(t: TestContext): Way {
  const pipe = openPipe(t);
  return {
    reader: pipe.read,
    writer: pipe.write,
    end: async () => {
      fs.closeSync(pipe.write);
      pipe.write = -1;
    },
    destroy: () => closePipe(pipe),
  };
}

/** Sockets of the file system, whose bytes are there for the one side when the other has sent them. */
async function socketWay(t: TestContext, ring: Ring): Promise<Way> {
  const server = net.createServer({ pauseOnConnect: true }).listen(join(temporaryDirectory(t), 'socket'));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  await new Promise((resolve) => server.once('listening', resolve));
  const client = net.connect({ path: server.address() as string });
  client.pause();
  client.on('error', () => {});
  const peer = await accepted;
  if (client.connecting) await new Promise((resolve) => client.once('connect', resolve));
  const fdOf = (socket: net.Socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd;
  const destroy = () => {
    client.destroy();
    peer.destroy();
    server.close();
  };
  t.after(destroy);
  const writer = fdOf(peer);
  return {
    reader: fdOf(client),
    writer,
    end: async () => assert.equal(await result((done) => ring.shutdown(writer, 1, done)), 0),
    destroy,
  };
}

/** One engine and one way, with the model beside it. */
class Play {
  /** what every step gave, in words: the same for all engines */
  readonly log: string[] = [];
  readonly #ring: Ring;
  readonly #way: Way;
  readonly #random: Random;
  readonly #isSocket: boolean;
  /** bytes sent and not read, by the model */
  #pending = 0;
  #sent = 0;
  #received = 0;
  #ended = false;
  #waiting: Waiting[] = [];
  #over: number[] = [];

  constructor(ring: Ring, way: Way, random: Random, isSocket: boolean) {
    this.#ring = ring;
    this.#way = way;
    this.#random = random;
    this.#isSocket = isSocket;
  }

  /** True when there is nothing more to do with this way. */
  async step(): Promise<boolean> {
    const choice = this.#random(100);
    if (choice < 35) await this.#read();
    else if (choice < 65) await this.#write();
    else if (choice < 80) await this.#cancel();
    else if (choice < 90) await this.#wrong();
    else if (choice < 97) await this.#poll();
    else return await this.#end();
    return false;
  }

  /** Cancels what still waits. */
  async finish(): Promise<void> {
    while (this.#waiting.length > 0) await this.#cancel();
  }

  #start(length: number): Waiting {
    const buffer = Buffer.alloc(length);
    let id = 0;
    const fd = this.#way.reader;
    const kind = this.#random(3);
    const own = result((done) => {
      if (this.#isSocket && kind === 0) id = this.#ring.recv(fd, buffer, 0, done);
      else if (kind === 1) id = this.#ring.readv(fd, [buffer.subarray(0, 1), buffer.subarray(1)], -1, done);
      else id = this.#ring.read(fd, buffer, -1, done);
    });
    return { id, length, buffer, result: own };
  }

  async #read(): Promise<void> {
    const read = this.#start(pick(this.#random, SIZES));
    if (this.#waiting.length === 0 && (this.#pending > 0 || this.#ended)) await this.#arrived(read);
    else this.#waiting.push(read);
  }

  /** The read has data, or is at the end: its bytes are the next ones. */
  async #arrived(read: Waiting): Promise<void> {
    const bytes = await read.result;
    assert.equal(bytes, Math.min(read.length, this.#pending));
    for (let i = 0; i < bytes; i++) assert.equal(read.buffer[i], (this.#received + i) & 255);
    assert.ok(read.buffer.subarray(bytes).every((byte) => byte === 0));
    this.#received += bytes;
    this.#pending -= bytes;
    this.#over.push(read.id);
    this.log.push(`read ${bytes}`);
  }

  async #write(): Promise<void> {
    const length = pick(this.#random, SIZES);
    if (this.#ended || this.#pending + length > FULL) return;
    const data = Buffer.from(Uint8Array.from({ length }, (_, i) => (this.#sent + i) & 255));
    const kind = this.#random(3);
    const written = await result((done) => {
      const [ring, fd] = [this.#ring, this.#way.writer];
      if (this.#isSocket && kind === 0) ring.send(fd, data, 0, done);
      else if (kind === 1) ring.writev(fd, [data.subarray(0, 1), data.subarray(1)], -1, done);
      else ring.write(fd, data, -1, done);
    });
    assert.equal(written, length);
    this.#sent += length;
    this.#pending += length;
    this.log.push(`write ${length}`);
    while (this.#pending > 0 && this.#waiting.length > 0) await this.#arrived(this.#waiting.shift()!);
  }

  async #cancel(): Promise<void> {
    const index = this.#random(this.#waiting.length + 1);
    if (index === this.#waiting.length) {
      // One that is over, or never was.
      const id = this.#over.at(-1 - this.#random(20)) ?? 0;
      assert.equal(await result((done) => this.#ring.cancel(id, done)), errno['ENOENT']);
      return;
    }
    const [read] = this.#waiting.splice(index, 1);
    assert.equal(await result((done) => this.#ring.cancel(read.id, done)), 0);
    assert.equal(await read.result, errno['ECANCELED']);
    assert.ok(read.buffer.every((byte) => byte === 0));
    this.#over.push(read.id);
    this.log.push(`cancelled ${index}`);
  }

  /** What the kernel refuses; these results are compared among the engines. */
  async #wrong(): Promise<void> {
    const ring = this.#ring;
    const { reader, writer } = this.#way;
    const buffer = Buffer.alloc(10);
    const calls: Record<string, (done: Done) => unknown> = {
      'read of no descriptor': (done) => ring.read(999_999, buffer, 0, done),
      'fsync of a stream': (done) => ring.fsync(reader, false, done),
      'ftruncate of a stream': (done) => ring.ftruncate(writer, 0, done),
      'fallocate of a stream': (done) => ring.fallocate(writer, 0, 0, 10, done),
      'fadvise of a stream': (done) => ring.fadvise(reader, 0, 0, 0, done),
      'accept on a stream': (done) => ring.accept(reader, 0, done),
      'close of no descriptor': (done) => ring.close(999_999, done),
      'poll of no descriptor': (done) => ring.pollAdd(999_999, POLLIN, done),
      'shutdown in an unknown way': (done) => ring.shutdown(writer, 9, done),
      'write of nothing': (done) => ring.writev(writer, [], -1, done),
    };
    if (!this.#isSocket) {
      calls['read of a writing end'] = (done) => ring.read(writer, buffer, -1, done);
      calls['write to a reading end'] = (done) => ring.write(reader, buffer, -1, done);
      calls['send to a pipe'] = (done) => ring.send(writer, buffer, 0, done);
      calls['recv from a pipe'] = (done) => ring.recv(reader, buffer, 0, done);
    } else {
      calls['recv without waiting'] = (done) => ring.recv(writer, buffer, MSG_DONTWAIT, done);
    }
    const name = pick(this.#random, Object.keys(calls));
    if (this.#ended) return; // one of the descriptors is not there any more
    // In its lane it would wait for the reads before it.
    if (this.#waiting.length > 0 && /reading end|recv from/.test(name)) return;
    this.log.push(`${name}: ${await result(calls[name])}`);
  }

  async #poll(): Promise<void> {
    if (this.#waiting.length > 0 || this.#ended) return;
    let id = 0;
    const poll = result((done) => {
      id = this.#ring.pollAdd(this.#way.reader, POLLIN, done);
    });
    if (this.#pending === 0) assert.equal(await result((done) => this.#ring.cancel(id, done)), 0);
    const events = await poll;
    assert.equal(events, this.#pending > 0 ? POLLIN : errno['ECANCELED']);
    this.log.push(`poll ${events}`);
  }

  /** The writing side ends: who waits finds the end, and so does who comes later. */
  async #end(): Promise<boolean> {
    if (this.#ended) return true;
    await this.#way.end();
    this.#ended = true;
    for (const read of this.#waiting.splice(0)) await this.#arrived(read);
    return false;
  }
}

async function play(t: TestContext, ring: Ring, seed: number, isSocket: boolean): Promise<string[]> {
  const random = randomOf(seed);
  const log: string[] = [];
  const newWay = async () => (isSocket ? await socketWay(t, ring) : pipeWay(t));
  let way = await newWay();
  let current = new Play(ring, way, random, isSocket);
  const finish = async () => {
    await current.finish();
    log.push(...current.log, 'over');
    way.destroy();
  };
  for (let i = 0; i < LENGTH; i++) {
    if (!(await current.step())) continue;
    await finish();
    way = await newWay();
    current = new Play(ring, way, random, isSocket);
  }
  await finish();
  return log;
}

for (const kind of ['pipes', 'sockets'] as const) {
  describe(`${kind}: every engine gives the same`, () => {
    for (const seed of seeds()) {
      test(`seed ${seed}`, async (t) => {
        let expected: string[] | null = null;
        for (const engine of availableEngines()) {
          const message = `${engine}, ${again(seed)}`;
          const ring = openRing(t, { engine, entries: pick(randomOf(seed), [8, 128]) });
          const log = await play(t, ring, seed, kind === 'sockets').catch((error: Error) => {
            throw new Error(`${message}: ${error.message}`, { cause: error });
          });
          expected ??= log;
          assert.deepEqual(log, expected, message);
          assert.equal(ring.inFlight, 0, message);
        }
      });
    }
  });
}
