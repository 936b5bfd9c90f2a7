// diagnostics_channel: what a subscriber sees of each operation, in which order, and what it never sees.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import diagnostics from 'node:diagnostics_channel';
import nodeFs from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fs from 'linux-aio/fs';
import promises from 'linux-aio/fs/promises';
import { opened, temporaryDirectory } from '../support/temp.js';

const NAME = 'linux-aio.operation';
const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;

interface Message {
  operation: string;
  api: string;
  path?: unknown;
  fd?: number;
  result?: unknown;
  error?: unknown;
}

/** Everything published until the test is over, as it was then: the one object of an operation changes. */
function record(t: TestContext): { event: string; message: Message; was: Message }[] {
  const events: { event: string; message: Message; was: Message }[] = [];
  const channel = diagnostics.tracingChannel(NAME);
  const subscribers = Object.fromEntries(
    EVENTS.map((event) => [
      event,
      (message: object) =>
        events.push({ event, message: message as Message, was: { ...(message as Message) } }),
    ]),
  ) as unknown as diagnostics.TracingChannelSubscribers<object>;
  channel.subscribe(subscribers);
  t.after(() => channel.unsubscribe(subscribers));
  return events;
}

function file(t: TestContext): string {
  const path = join(temporaryDirectory(t), 'file');
  nodeFs.writeFileSync(path, 'secret text');
  return path;
}

describe('diagnostics_channel', () => {
  it('publishes start, end, asyncStart and asyncEnd of a promise, with one object', async (t) => {
    const path = file(t);
    const events = record(t);
    await promises.readFile(path);
    assert.deepEqual(
      events.map(({ event }) => event),
      ['start', 'end', 'asyncStart', 'asyncEnd'],
    );
    assert.equal(new Set(events.map(({ message }) => message)).size, 1);
    assert.deepEqual({ ...events[0].was }, { operation: 'readFile', api: 'promise', path });
    assert.equal(events[2].was.result, 11);
  });

  it('publishes the error of a promise before asyncStart', async (t) => {
    const path = `${file(t)}/none`;
    const events = record(t);
    const error = await promises.stat(path).catch((reason: Error) => reason);
    assert.deepEqual(
      events.map(({ event }) => event),
      ['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
    );
    assert.equal(events[2].was.error, error);
    assert.equal('result' in events[4].was, false);
  });

  it('publishes asyncStart before a callback and asyncEnd after it', async (t) => {
    const path = file(t);
    const events = record(t);
    await new Promise<void>((resolve) => {
      fs.stat(path, () => {
        events.push({ event: 'callback', message: {} as Message, was: {} as Message });
        resolve();
      });
    });
    assert.deepEqual(
      events.map(({ event }) => event),
      ['start', 'end', 'asyncStart', 'callback', 'asyncEnd'],
    );
    assert.equal(events[0].was.api, 'callback');
  });

  it('names the descriptor where there is one', async (t) => {
    const path = file(t);
    const fd = opened(t, path);
    const handle = await promises.open(path);
    t.after(() => handle.close());
    const events = record(t);
    await new Promise((resolve) => fs.fstat(fd, resolve));
    await handle.stat();
    const starts = events.filter(({ event }) => event === 'start').map(({ was }) => was.fd);
    assert.deepEqual(starts, [fd, handle.fd]);
  });

  it('never shows data', async (t) => {
    const path = file(t);
    const events = record(t);
    const handle = await promises.open(path, 'r+');
    await handle.read(Buffer.alloc(20));
    await handle.write('secret text');
    await handle.writev([Buffer.from('secret text')]);
    await handle.readFile('utf8');
    await handle.close();
    await promises.writeFile(path, 'secret text');
    await promises.appendFile(path, Buffer.from('secret text'));
    await promises.readFile(path, 'utf8');
    await new Promise((resolve) => fs.readFile(path, resolve));
    await new Promise((resolve) => fs.writeFile(path, 'secret text', resolve));
    assert.ok(events.length >= 30);
    for (const { was } of events) {
      for (const value of Object.values(was)) assert.equal(ArrayBuffer.isView(value), false, was.operation);
      assert.doesNotMatch(
        JSON.stringify(was, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
        /secret/,
      );
    }
  });

  it('runs stores that are bound to the start', async (t) => {
    const path = file(t);
    const storage = new AsyncLocalStorage<object>();
    const { start } = diagnostics.tracingChannel(NAME);
    start.bindStore(storage, (message) => ({ span: (message as Message).operation }));
    t.after(() => start.unbindStore(storage));
    const seen: unknown[] = [];
    diagnostics.subscribe(`tracing:${NAME}:asyncStart`, note);
    t.after(() => diagnostics.unsubscribe(`tracing:${NAME}:asyncStart`, note));
    function note() {
      seen.push(storage.getStore());
    }
    await promises.stat(path);
    assert.deepEqual(seen, [{ span: 'stat' }]);
  });

  it('changes no result, and no error, of what is traced', async (t) => {
    const path = file(t);
    record(t);
    assert.equal(await promises.readFile(path, 'utf8'), 'secret text');
    await assert.rejects(promises.readFile(`${path}/none`), { code: 'ENOTDIR', syscall: 'open' });
    await assert.rejects(promises.readFile({} as string), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => fs.readFile(path, 5 as unknown as () => void), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  it('costs nothing where nobody listens: no message is made', async (t) => {
    const path = file(t);
    const events = record(t);
    diagnostics.tracingChannel(NAME); // made, but without a subscriber of its own
    await promises.stat(path);
    const before = events.length;
    assert.ok(before > 0);
  });
});
