// A kernel thread that reads submissions: only when asked for, and only for as long as there are some.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { runProgram } from '../support/program.js';
import { openRing, result } from '../support/ring.js';
import { opened, openPipe, temporaryFile } from '../support/temp.js';

describe('sqpoll', () => {
  test('reads, writes, queues and closes', async (t) => {
    const ring = openRing(t, { sqpoll: { idle: 20 }, entries: 8 });
    const pipe = openPipe(t);
    const path = temporaryFile(t, 'text');
    const fd = opened(t, path, 'r+');
    for (let round = 0; round < 3; round++) {
      const buffer = Buffer.alloc(4);
      assert.equal(await result((done) => ring.read(fd, buffer, 0, done)), 4);
      assert.equal(buffer.toString(), 'text');
      // The thread sleeps by the next round.
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    const writes = Array.from({ length: 3000 }, (_, i) =>
      result((done) => ring.write(fd, Uint8Array.of(i), i, done)),
    );
    assert.deepEqual(new Set(await Promise.all(writes)), new Set([1]));
    const bytes = fs.readFileSync(path);
    for (let i = 0; i < 3000; i++) assert.equal(bytes[i], i & 255);
    ring.nop(() => {});
    assert.equal(ring.wait(1), 1);
    let id = 0;
    const blocked = result((done) => {
      id = ring.read(pipe.read, Buffer.alloc(1), -1, done);
    });
    assert.equal(await result((done) => ring.cancel(id, done)), 0);
    assert.equal(await blocked, -125);
    const left = result((done) => ring.read(pipe.read, Buffer.alloc(1), -1, done));
    await ring.close();
    assert.equal(await left, -125);
  });

  test('lets its thread sleep, and uses no CPU then', async () => {
    const { stdout } = await runProgram(
      `const ring = Ring.open({ sqpoll: { idle: 10 } });
       await result((done) => ring.nop(done));
       await new Promise((resolve) => setTimeout(resolve, 200));
       const begin = process.cpuUsage();
       await new Promise((resolve) => setTimeout(resolve, 500));
       const { user, system } = process.cpuUsage(begin);
       console.log(user + system < 150_000, await result((done) => ring.nop(done)));
       await ring.close();`,
    );
    assert.equal(stdout, 'true 0\n');
  });

  test('is off unless asked for: no thread of the kernel is made', async () => {
    const { stdout } = await runProgram(
      `const ring = Ring.open();
       await result((done) => ring.nop(done));
       const names = fs.readdirSync('/proc/self/task').map((id) => fs.readFileSync('/proc/self/task/' + id + '/comm', 'latin1'));
       console.log(names.filter((name) => name.startsWith('iou-')).length);
       await ring.close();`,
    );
    assert.equal(stdout, '0\n');
  });
});
