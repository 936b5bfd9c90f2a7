// Options of Ring.open and the environment variable.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { Ring, type RingOptions } from 'linux-aio';
import { availableEngines, engineUnderTest, onlyOn, refusal } from '../support/engines.js';
import { coreOf } from '../support/internals.js';
import { runProgram } from '../support/program.js';
import { openRing } from '../support/ring.js';
import { temporaryFile } from '../support/temp.js';

describe('Ring.open throws when', () => {
  const wrong: readonly (readonly [unknown, string, RegExp])[] = [
    [null, 'ERR_INVALID_ARG_TYPE', /"options"/],
    [5, 'ERR_INVALID_ARG_TYPE', /"options"/],
    ['io_uring', 'ERR_INVALID_ARG_TYPE', /"options"/],
    [{ engine: 'aio' }, 'ERR_INVALID_ARG_VALUE', /'io_uring', 'native', 'threads', 'auto'.*Received 'aio'/],
    [{ engine: 7 }, 'ERR_INVALID_ARG_VALUE', /options\.engine/],
    [{ entries: '128' }, 'ERR_INVALID_ARG_TYPE', /options\.entries/],
    [{ entries: 0 }, 'ERR_OUT_OF_RANGE', /options\.entries/],
    [{ entries: 7 }, 'ERR_OUT_OF_RANGE', /power of two/],
    [{ entries: 100 }, 'ERR_OUT_OF_RANGE', /power of two/],
    [{ entries: 65536 }, 'ERR_OUT_OF_RANGE', /32768/],
    [{ entries: 128.5 }, 'ERR_OUT_OF_RANGE', /integer/],
    [{ sqpoll: 'yes' }, 'ERR_INVALID_ARG_TYPE', /options\.sqpoll/],
    [{ sqpoll: null }, 'ERR_INVALID_ARG_TYPE', /options\.sqpoll/],
    [{ sqpoll: {} }, 'ERR_INVALID_ARG_TYPE', /options\.sqpoll\.idle/],
    [{ sqpoll: { idle: 0 } }, 'ERR_OUT_OF_RANGE', /options\.sqpoll\.idle/],
    [{ workers: 4 }, 'ERR_INVALID_ARG_TYPE', /options\.workers/],
    [{ workers: [4] }, 'ERR_INVALID_ARG_TYPE', /options\.workers/],
    [{ workers: [4, '4'] }, 'ERR_INVALID_ARG_TYPE', /options\.workers\[1\]/],
    [{ workers: [0, 4] }, 'ERR_OUT_OF_RANGE', /options\.workers\[0\]/],
  ];
  for (const [options, code, message] of wrong) {
    test(`options are ${JSON.stringify(options)}`, () => {
      assert.throws(() => Ring.open(options as RingOptions), { code, message });
    });
  }

  test('an option is misspelt, because it would be ignored silently', () => {
    assert.throws(() => Ring.open({ entires: 64 } as RingOptions), { message: /entires/ });
  });

  test('LINUX_AIO_ENGINE names no engine', async () => {
    const { stdout } = await runProgram(
      `try { Ring.open(); } catch (error) { console.log(error.code, error.message); }`,
      { env: { LINUX_AIO_ENGINE: 'kqueue' } },
    );
    assert.match(stdout, /^ERR_INVALID_ARG_VALUE .*LINUX_AIO_ENGINE.*'io_uring'.*Received 'kqueue'/);
  });

  test('the addon is missing, saying how to build it', async () => {
    const { stdout } = await runProgram(
      `try { Ring.open(); } catch (error) { console.log(error.code, error.message); }`,
      { env: { LINUX_AIO_ADDON: '/none.node' } },
    );
    assert.match(stdout, /^ERR_FEATURE_UNAVAILABLE_ON_PLATFORM .*none\.node is missing.*build-native/);
  });
});

describe('Ring.open', () => {
  test('takes no options, an empty object, and each engine name that works', async () => {
    for (const options of [undefined, {}, { engine: 'auto' }] as const) {
      const ring = Ring.open(options);
      assert.equal(ring.engine, engineUnderTest());
      await ring.close();
    }
    for (const engine of availableEngines()) {
      const ring = Ring.open({ engine });
      assert.equal(ring.engine, engine);
      await ring.close();
    }
  });

  test('LINUX_AIO_ENGINE overrides auto, and an empty one is none', {
    skip: refusal('io_uring'),
  }, async () => {
    for (const value of ['io_uring', 'auto', '']) {
      const { stdout } = await runProgram(
        `const ring = Ring.open(); console.log(ring.engine); await ring.close();`,
        {
          env: { LINUX_AIO_ENGINE: value },
        },
      );
      assert.equal(stdout, 'io_uring\n');
    }
  });

  test('gives as many entries as asked for', async (t) => {
    for (const entries of [8, 128, 4096]) {
      const { queues } = coreOf(openRing(t, { entries })).ports.primary;
      assert.equal(queues.sqEntries, entries);
      assert.ok(queues.cqEntries >= 4 * entries);
    }
  });

  test('limits the kernel’s workers', { skip: onlyOn('io_uring') }, async (t) => {
    // They are threads of this process named iou-wrk-…; 1 bounded one serves all buffered writes here.
    const { stdout, stderr } = await runProgram(
      `const ring = Ring.open({ workers: [1, 1] });
       const fds = Array.from({ length: 8 }, (_, i) => fs.openSync(process.argv[1] + i, 'w'));
       const writes = Array.from({ length: 400 }, (_, i) =>
         result((done) => ring.write(fds[i % 8], Buffer.alloc(300_000), i * 1000, done)));
       let most = 0;
       const count = () => {
         const names = fs.readdirSync('/proc/self/task').map((id) => {
           try { return fs.readFileSync('/proc/self/task/' + id + '/comm', 'latin1'); } catch { return ''; }
         });
         most = Math.max(most, names.filter((name) => name.startsWith('iou-wrk')).length);
       };
       const timer = setInterval(count, 1);
       count();
       await Promise.all(writes);
       clearInterval(timer);
       console.log(most);
       await ring.close();`,
      { args: [`${temporaryFile(t)}-`] },
    );
    assert.equal(stderr, '');
    assert.ok(Number(stdout) >= 1 && Number(stdout) <= 2, `${stdout} workers`);
  });
});
