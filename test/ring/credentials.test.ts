// Requests run with the credentials of the moment they are made (the class of CVE-2024-22017).
// Guards that no ring has a submission thread unless asked for: such a thread keeps the credentials it began with.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { describe } from 'node:test';
import { runProgram } from '../support/program.js';
import { temporaryDirectory } from '../support/temp.js';

const skip = process.getuid?.() !== 0 && 'only root can become somebody else';

describe('after process.setuid', { skip }, () => {
  test('nothing can be opened, read by path or changed that only root may', async (t) => {
    const dir = temporaryDirectory(t);
    fs.chmodSync(dir, 0o755);
    const secret = `${dir}/secret`;
    fs.writeFileSync(secret, 'for root alone', { mode: 0o600 });
    fs.writeFileSync(`${dir}/public`, 'for all', { mode: 0o644 });
    const outcome = await runProgram(
      `const [, dir] = process.argv;
       const ring = Ring.open();
       const open = (name) => result((done) => ring.openat(-100, dir + '/' + name, 0o2000000, 0, done));
       const first = await open('secret'); // wakes up a kernel worker, which must not stay root
       await result((done) => ring.write(1, Buffer.from(''), -1, done));
       process.setgroups([]);
       process.setgid(65534);
       process.setuid(65534);
       const values = { first: first > 0 };
       values.secret = await open('secret');
       values.batch = await Promise.all(Array.from({ length: 50 }, () => open('secret')));
       values.batch = [...new Set(values.batch)];
       values.public = (await open('public')) > 0;
       values.unlink = await result((done) => ring.unlinkat(-100, dir + '/public', 0, done));
       values.mkdir = await result((done) => ring.mkdirat(-100, dir + '/sub', 0o755, done));
       const other = Ring.open();
       values.newRing = await result((done) => other.openat(-100, dir + '/secret', 0o2000000, 0, done));
       console.log(JSON.stringify(values));
       await ring.close();
       await other.close();`,
      { args: [dir] },
    );
    assert.equal(outcome.stderr, '');
    const EACCES = -13;
    assert.deepEqual(JSON.parse(outcome.stdout), {
      first: true,
      secret: EACCES,
      batch: [EACCES],
      public: true,
      unlink: EACCES,
      mkdir: EACCES,
      newRing: EACCES,
    });
    assert.deepEqual(fs.readdirSync(dir).sort(), ['public', 'secret']);
  });
});
