// Sockets, readiness and time.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import test, { describe } from 'node:test';
import { runProgram } from '../support/program.js';
import { errno, openRing, result, started } from '../support/ring.js';
import { socketPair } from '../support/sockets.js';
import { openPipe, temporaryFile } from '../support/temp.js';

const POLLIN = 1;
const POLLOUT = 4;
const POLLHUP = 16;

describe('an operation on a socket fails with', () => {
  test('EBADF when the descriptor is not open, ENOTSOCK when it is a file', async (t) => {
    const ring = openRing(t);
    const buffer = new Uint8Array(16);
    const file = fs.openSync(temporaryFile(t), 'r+');
    for (const [fd, expected] of [
      [1_000_000, errno.EBADF],
      [file, errno.ENOTSOCK],
    ]) {
      assert.equal(await result((done) => ring.send(fd, buffer, 0, done)), expected);
      assert.equal(await result((done) => ring.recv(fd, buffer, 0, done)), expected);
      assert.equal(await result((done) => ring.accept(fd, 0, done)), expected);
      assert.equal(await result((done) => ring.connect(fd, buffer, done)), expected);
      assert.equal(await result((done) => ring.shutdown(fd, 1, done)), expected);
    }
    fs.closeSync(file);
  });

  test('EINVAL when shutdown is asked for a fourth way', async (t) => {
    const ring = openRing(t);
    const [a] = await socketPair(t);
    assert.equal(await result((done) => ring.shutdown(a, 3, done)), errno.EINVAL);
  });
});

describe('sockets', () => {
  test('send, recv, read, write and shutdown move bytes', async (t) => {
    const ring = openRing(t);
    const [a, b] = await socketPair(t);
    const into = Buffer.alloc(16);
    const received = result((done) => ring.recv(b, into, 0, done));
    assert.equal(await result((done) => ring.send(a, Buffer.from('hello'), 0, done)), 5);
    assert.equal(await received, 5);
    assert.equal(into.toString('latin1', 0, 5), 'hello');
    assert.equal(await result((done) => ring.write(b, Buffer.from('answer'), -1, done)), 6);
    assert.equal(await result((done) => ring.read(a, into, -1, done)), 6);
    assert.equal(into.toString('latin1', 0, 6), 'answer');
    assert.equal(await result((done) => ring.shutdown(a, 1, done)), 0);
    assert.equal(await result((done) => ring.recv(b, into, 0, done)), 0);
    const MSG_NOSIGNAL = 0x4000;
    assert.equal(await result((done) => ring.send(a, into, MSG_NOSIGNAL, done)), errno.EPIPE);
  });

  test('accept returns a descriptor for each connection', async () => {
    // The listening socket is inherited, so that no event loop accepts from it.
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const program = `
      import net from 'node:net';
      const ring = Ring.open();
      const accepted = result((done) => ring.accept(3, 0o2000000, done));
      const client = net.connect(${port}, '127.0.0.1');
      const fd = await accepted;
      fs.writeSync(fd, 'from the server');
      client.on('data', async (data) => {
        console.log(fd > 3, String(data));
        client.destroy();
        fs.closeSync(fd);
        await ring.close();
      });`;
    const handle = (server as unknown as { _handle: unknown })._handle as never;
    const child = runProgram(program, { stdio: ['ignore', 'pipe', 'pipe', handle] });
    server.close();
    const { stdout, stderr, code } = await child;
    assert.deepEqual({ stdout, stderr, code }, { stdout: 'true from the server\n', stderr: '', code: 0 });
  });

  test('connect takes a sockaddr', async (t) => {
    const ring = openRing(t);
    const [sender, receiver] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
    t.after(() => {
      sender.close();
      receiver.close();
    });
    sender.bind(0, '127.0.0.1');
    receiver.bind(0, '127.0.0.1');
    await Promise.all([once(sender, 'listening'), once(receiver, 'listening')]);
    const state = Object.getOwnPropertySymbols(sender).find(
      (symbol) => String(symbol) === 'Symbol(state symbol)',
    );
    const fd = (sender as unknown as Record<symbol, { handle: { fd: number } }>)[state!].handle.fd;
    const { port } = receiver.address();
    const sockaddr = Buffer.from([2, 0, port >> 8, port & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(await result((done) => ring.connect(fd, sockaddr, done)), 0);
    const message = once(receiver, 'message');
    assert.equal(await result((done) => ring.send(fd, Buffer.from('datagram'), 0, done)), 8);
    assert.equal(String((await message)[0]), 'datagram');
  });
});

describe('pollAdd', () => {
  test('fails with EBADF', async (t) => {
    const ring = openRing(t);
    assert.equal(await result((done) => ring.pollAdd(1_000_000, POLLIN, done)), errno.EBADF);
  });

  test('returns the events that are there, and waits for them', async (t) => {
    const ring = openRing(t);
    const pipe = openPipe(t);
    assert.equal(await result((done) => ring.pollAdd(pipe.write, POLLIN | POLLOUT, done)), POLLOUT);
    let events = 0;
    const readable = result((done) => ring.pollAdd(pipe.read, POLLIN, done)).then((value) => {
      events = value;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(events, 0);
    fs.writeSync(pipe.write, 'x');
    await readable;
    assert.equal(events, POLLIN);
    fs.readSync(pipe.read, Buffer.alloc(1));
    const hangUp = result((done) => ring.pollAdd(pipe.read, POLLIN, done));
    fs.closeSync(pipe.write);
    pipe.write = -1;
    assert.equal((await hangUp) & POLLHUP, POLLHUP);
  });
});

describe('timeout', () => {
  test('returns -ETIME, not before its time', async (t) => {
    const ring = openRing(t);
    const begin = performance.now();
    assert.equal(await result((done) => ring.timeout(50, done)), errno.ETIME);
    assert.ok(performance.now() - begin >= 50);
    assert.equal(await result((done) => ring.timeout(0, done)), errno.ETIME);
    assert.equal(await result((done) => ring.timeout(0.25, done)), errno.ETIME);
  });

  test('of years is armed, and can be cancelled', async (t) => {
    const ring = openRing(t);
    const years = started((done) => ring.timeout(2 ** 40, done));
    assert.equal(await result((done) => ring.timeout(5, done)), errno.ETIME);
    assert.equal(await result((done) => ring.cancel(years.id, done)), 0);
    assert.equal(await years.result, errno.ECANCELED);
  });
});
