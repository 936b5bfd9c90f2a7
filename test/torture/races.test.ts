// Every order of events in the races of a request's life, on an engine that the test controls (fake-engine.ts): cancel
// against completion, close against completion, abort twice, overflow, the last one of a list.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { File, type Ring } from 'linux-aio';
import { ioUring } from '../support/internals.js';
import { errno } from '../support/ring.js';
import { opened, temporaryFile } from '../support/temp.js';
import { type FakeEngine, type FakeOptions, fakeRing, type Taken } from './fake-engine.js';

const { OP } = ioUring;
const { EALREADY, ECANCELED, ENOENT } = errno;
const SETTINGS: FakeOptions[] = [{ deferred: true }, { deferred: false }];

/** All ways to merge two sequences, each keeping its own order. */
function* merges<T>(a: readonly T[], b: readonly T[]): Generator<T[]> {
  if (a.length === 0 || b.length === 0) {
    yield [...a, ...b];
    return;
  }
  for (const rest of merges(a.slice(1), b)) yield [a[0], ...rest];
  for (const rest of merges(a, b.slice(1))) yield [b[0], ...rest];
}

function* permutations<T>(list: readonly T[]): Generator<T[]> {
  if (list.length === 0) yield [];
  for (const [i, first] of list.entries()) {
    for (const rest of permutations(list.toSpliced(i, 1))) yield [first, ...rest];
  }
}

type Event = () => void | Promise<void>;

const wakeOf =
  (engine: FakeEngine): Event =>
  () => {
    if (engine.hasNews) engine.wake();
  };

const cancellation = (engine: FakeEngine): Taken | undefined =>
  engine.taken.find((e) => e.op === OP.ASYNC_CANCEL);

/** Answers a cancellation as the kernel does; `found` where it has the choice. */
function answer(engine: FakeEngine, cancel: Taken, found: boolean): void {
  const target = engine.targetOf(cancel);
  if (target === undefined) {
    engine.complete(cancel, ENOENT);
  } else if (!found) {
    engine.complete(cancel, EALREADY);
  } else {
    engine.complete(target, ECANCELED);
    engine.complete(cancel, 0);
  }
}

/** Completes whatever is left, as often as it takes. */
async function drain(ring: Ring, engine: FakeEngine): Promise<void> {
  for (let i = 0; i < 100 && (ring.inFlight > 0 || engine.hasNews); i++) {
    for (const entry of [...engine.taken]) engine.complete(entry, 0);
    if (engine.hasNews && !ring.closed) engine.wake();
    await nextTurn();
  }
  assert.equal(ring.inFlight, 0, 'something never ends');
}

async function finish(ring: Ring, engine: FakeEngine): Promise<void> {
  const closed = ring.close();
  await drain(ring, engine);
  await closed;
  assert.ok(engine.closed);
}

describe('cancel against completion, in every order', () => {
  for (const setting of SETTINGS) {
    for (const found of [true, false]) {
      const how = `${setting.deferred ? 'posted by enter' : 'posted at any time'}, ${found ? 'can' : 'cannot'} be stopped`;
      test(how, async (t) => {
        const fd = opened(t, temporaryFile(t, 'x'));
        let orders = 0;
        const outcomes = new Set<string>();
        const names = ['complete', 'wake', 'cancel', 'answer', 'wake again'];
        for (const order of merges(names.slice(0, 2), names.slice(2))) {
          const { ring, engine } = fakeRing(setting);
          const results: number[] = [];
          const answers: number[] = [];
          const id = ring.read(fd, Buffer.alloc(8), 0, (n) => results.push(n));
          const events: Record<string, Event> = {
            complete: () => {
              const entry = engine.find(id);
              if (entry) engine.complete(entry, 8);
            },
            wake: wakeOf(engine),
            cancel: () => ring.cancel(id, (n) => answers.push(n)),
            answer: () => {
              const cancel = cancellation(engine);
              if (cancel) answer(engine, cancel, found);
            },
            'wake again': wakeOf(engine),
          };
          for (const name of order) {
            await events[name]();
            if (name === 'wake') await nextTurn();
          }
          await drain(ring, engine);
          assert.deepEqual([results.length, answers.length], [1, 1], order.join(', '));
          assert.equal(results[0], answers[0] === 0 ? ECANCELED : 8, order.join(', '));
          outcomes.add(String(answers[0]));
          await finish(ring, engine);
          orders++;
        }
        assert.equal(orders, 10);
        assert.deepEqual([...outcomes].sort(), [String(found ? 0 : EALREADY), String(ENOENT)].sort());
      });
    }
  }
});

test('what waits in user space is taken back without asking the engine', async (t) => {
  const fd = opened(t, temporaryFile(t, 'x'));
  const { ring, engine } = fakeRing();
  const results: [string, number][] = [];
  ring.read(fd, Buffer.alloc(8), -1, (n) => results.push(['first', n]));
  const second = ring.read(fd, Buffer.alloc(8), -1, (n) => results.push(['second', n])); // behind the first
  ring.cancel(second, (n) => results.push(['cancel', n]));
  ring.cancel(second, (n) => results.push(['cancel again', n]));
  await nextTurn();
  assert.deepEqual(results, [
    ['second', ECANCELED],
    ['cancel', 0],
    ['cancel again', ENOENT],
  ]);
  assert.equal(engine.taken.length, 1);
  await finish(ring, engine);
});

describe('close against completion, in every order', () => {
  for (const setting of SETTINGS) {
    for (const [kind, disposes] of [
      ['close()', false],
      ['dispose', true],
    ] as const) {
      test(`${kind}, ${setting.deferred ? 'posted by enter' : 'posted at any time'}`, async (t) => {
        const fd = opened(t, temporaryFile(t, 'x'));
        for (const order of merges(['complete', 'wake', 'turn'], ['close', 'turn'])) {
          const { ring, engine } = fakeRing(setting);
          const results: number[] = [];
          const id = ring.read(fd, Buffer.alloc(8), 0, (n) => results.push(n));
          ring.read(fd, Buffer.alloc(8), -1, (n) => results.push(n));
          ring.read(fd, Buffer.alloc(8), -1, (n) => results.push(n)); // waits in user space
          let closed: Promise<void> | null = null;
          const events: Record<string, Event> = {
            complete: () => {
              const entry = engine.find(id);
              if (entry) engine.complete(entry, 8);
            },
            wake: () => {
              if (engine.hasNews && !ring.closed) engine.wake();
            },
            turn: () => nextTurn(),
            close: () => {
              if (!disposes) {
                closed = ring.close();
                return;
              }
              engine.onEnter = () => {
                for (const entry of [...engine.taken]) {
                  if (!engine.taken.includes(entry)) continue; // the target of a cancellation before it
                  if (entry.op === OP.ASYNC_CANCEL) answer(engine, entry, true);
                  else if (entry.slot !== id % 2 ** 24) engine.complete(entry, 3);
                }
              };
              ring[Symbol.dispose]();
            },
          };
          for (const name of order) await events[name]();
          await drain(ring, engine);
          await closed;
          assert.ok(ring.closed && engine.closed, order.join(', '));
          assert.equal(results.length, 3, order.join(', '));
          assert.throws(() => ring.nop(() => {}), { code: 'ERR_USE_AFTER_CLOSE' });
        }
      });
    }
  }
});

/** A File in front of the engine; closing it needs the engine too. */
function fakeFile(t: TestContext, setting: FakeOptions) {
  const { ring, engine } = fakeRing(setting);
  const file = File.fromFd(fs.openSync(temporaryFile(t, 'x'), 'r+'), { ring });
  const fd = file.fd;
  t.after(async () => {
    const closed = file.close();
    await drain(ring, engine);
    await closed;
    fs.closeSync(fd); // the engine only said so
    await finish(ring, engine);
  });
  return { ring, engine, file };
}

describe('an aborted transfer settles once, and only when the engine is done with the buffer', () => {
  for (const setting of SETTINGS) {
    for (const found of [true, false]) {
      test(`aborted twice; ${found ? 'found' : 'running'}; ${setting.deferred ? 'posted by enter' : 'at any time'}`, async (t) => {
        const names = ['complete', 'wake', 'abort', 'answer', 'abort', 'answer', 'turn'];
        for (const order of merges(names.slice(0, 2), names.slice(2))) {
          const { engine, file } = fakeFile(t, setting);
          const controller = new AbortController();
          let isOver = false; // the engine has let go of the buffer
          let settled: string | null = null;
          let times = 0;
          const read = file.read(Buffer.alloc(8), { position: 0, signal: controller.signal }).then(
            ({ bytesRead }) => `read ${bytesRead}`,
            (error: Error) => error.name,
          );
          void read.then((what) => {
            assert.ok(isOver, `settled while the engine may still write: ${order.join(', ')}`);
            settled = what;
            times++;
          });
          const entry = engine.taken.find((e) => e.op === OP.READ);
          assert.ok(entry, 'the read is with the engine before the call is over');
          const events: Record<string, Event> = {
            complete: () => {
              if (!engine.taken.includes(entry)) return;
              isOver = true;
              engine.complete(entry, 8);
            },
            wake: wakeOf(engine),
            abort: () => controller.abort(),
            answer: () => {
              const cancel = cancellation(engine);
              if (!cancel) return;
              if (found && engine.targetOf(cancel)) isOver = true;
              answer(engine, cancel, found);
            },
            turn: () => nextTurn(),
          };
          for (const name of order) {
            await events[name]();
            await null;
          }
          isOver ||= !engine.taken.includes(entry);
          if (engine.hasNews) engine.wake();
          await read;
          await nextTurn();
          assert.equal(times, 1);
          assert.match(settled!, /^(read 8|AbortError)$/);
        }
      });
    }
  }
});

describe('overflow', () => {
  for (const setting of SETTINGS) {
    test(`ten times more completions than the queue holds: none is lost, none comes twice (${setting.deferred})`, async (t) => {
      const { ring, engine } = fakeRing({ ...setting, cqEntries: 16 });
      const fds = Array.from({ length: 160 }, () => opened(t, '/dev/null'));
      const delivered: number[] = [];
      for (const [i, fd] of fds.entries()) ring.pollAdd(fd, 1, () => delivered.push(i)); // may wait for ever: unlimited
      ring.flush();
      assert.equal(engine.taken.length, 160);
      for (const entry of [...engine.taken]) engine.complete(entry, 1);
      assert.ok(engine.hasNews);
      for (let i = 0; i < 100 && delivered.length < 160; i++) {
        if (engine.hasNews) engine.wake();
        await nextTurn();
      }
      assert.deepEqual(delivered, [...fds.keys()]);
      assert.ok(setting.deferred || engine.overflows > 0);
      await finish(ring, engine);
    });

    test(`cannot come from work that ends: it waits for room (${setting.deferred})`, async (t) => {
      const fd = opened(t, temporaryFile(t, 'x'));
      const { ring, engine } = fakeRing({ ...setting, cqEntries: 16 });
      let delivered = 0;
      for (let i = 0; i < 500; i++) ring.read(fd, Buffer.alloc(1), i, () => delivered++);
      while (delivered < 500) {
        ring.flush();
        assert.ok(engine.taken.length <= 12, `${engine.taken.length} with the engine, 16 fit into the queue`);
        for (const entry of [...engine.taken]) engine.complete(entry, 1);
        engine.wake();
        await Promise.resolve();
      }
      assert.equal(engine.overflows, 0);
      await finish(ring, engine);
    });
  }
});

describe('a list is over when its last element is', () => {
  // Each element has its outcome; the order in which the engine completes them is every one there is.
  const outcomes = [8, -5, 3] as const; // whole, EIO, short: the rest of a short write is written
  for (const setting of SETTINGS) {
    test(setting.deferred ? 'posted by enter' : 'posted at any time', async (t) => {
      for (const order of permutations([0, 1, 2])) {
        const { engine, file } = fakeFile(t, setting);
        let settled = false;
        const list = [0, 1, 2].map((i) => ({ buffer: Buffer.alloc(8), position: 100 * i }));
        const written = file.writeMany(list, { sync: true }).then(
          () => assert.fail('one of them failed'),
          (error) => error as Error & { index: number; results: number[]; code: string },
        );
        void written.then(() => {
          settled = true;
        });
        await nextTurn(); // the list is handed over
        assert.equal(engine.taken.length, 3);
        for (const i of order) {
          assert.ok(!settled);
          const entry = engine.taken.find((e) => e.offset === 100 * i)!;
          engine.complete(entry, outcomes[i]);
          engine.wake();
          await nextTurn();
        }
        assert.ok(!settled, 'the rest of the short write is under way');
        const rest = engine.taken.find((e) => e.offset === 203)!;
        assert.equal(rest.length, 5);
        engine.complete(rest, 5);
        engine.wake();
        const { index, results, code } = await written;
        assert.deepEqual([index, results, code], [1, [8, -5, 8], 'EIO']);
        assert.equal(engine.taken.length, 0, 'nothing is synced after a failure');
      }
    });
  }
});

describe('a completion that is owed to nobody', () => {
  for (const setting of SETTINGS) {
    test(`reaches nobody, at whatever moment it comes (${setting.deferred})`, async (t) => {
      const fd = opened(t, temporaryFile(t, 'x'));
      for (let moment = 0; moment < 6; moment++) {
        const { ring, engine, core } = fakeRing(setting);
        const results: number[] = [];
        const id = ring.read(fd, Buffer.alloc(8), 0, (n) => results.push(n));
        const entry = engine.taken[0];
        const repeat = (n: number) => {
          if (n !== moment) return;
          engine.forge(entry.slot, entry.generation - 1, 77); // of the request that had the slot before
          if (moment > 0) engine.forge(entry.slot, entry.generation, 78); // its own, once more
          engine.forge(12345, 1, 79);
        };
        repeat(0);
        engine.complete(entry, 8);
        repeat(1);
        engine.wake();
        repeat(2);
        await nextTurn();
        repeat(3);
        assert.deepEqual(results, [8]);
        const next: number[] = [];
        const nextId = ring.read(fd, Buffer.alloc(8), 0, (n) => next.push(n));
        assert.equal(nextId % 2 ** 24, id % 2 ** 24, 'the slot is used again');
        repeat(4);
        if (engine.hasNews) engine.wake();
        assert.deepEqual(next, []);
        repeat(5);
        engine.complete(engine.taken[0], 4);
        engine.wake();
        await nextTurn();
        assert.deepEqual([results, next], [[8], [4]]);
        assert.equal(core.staleCompletions, moment === 0 ? 2 : 3);
        await finish(ring, engine);
      }
    });
  }
});

test('an fsync waits for a write with a duplicate of its own when the held ones after it are over', async (t) => {
  const { ring, engine } = fakeRing({ deferred: false, closesOwnDescriptors: true });
  const fd = opened(t, temporaryFile(t), 'r+');
  const view = Buffer.alloc(1);
  let synced = false;
  ring.write(fd, view, 0, () => {});
  ring.write(fd, view, 1, () => {});
  await nextTurn();
  const [first, second] = [...engine.taken];
  assert.deepEqual([first.isOwn, second.isOwn], [true, false]);
  engine.complete(second, 1);
  engine.wake();
  await nextTurn();
  opened(t, temporaryFile(t)); // gets the number of the duplicate that was held
  ring.fsync(fd, false, () => {
    synced = true;
  });
  await nextTurn();
  assert.deepEqual(engine.taken, [first], 'the fsync overtook a write');
  engine.complete(first, 1);
  engine.wake();
  await nextTurn();
  engine.complete(engine.taken[0], 0);
  engine.wake();
  await nextTurn();
  assert.ok(synced);
  await ring.close();
});
