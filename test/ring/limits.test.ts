// What the system refuses: a smaller ring where that helps, else an error that says what to do. Nothing leaks.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { onlyOn, refusal } from '../support/engines.js';
import { runProgram } from '../support/program.js';

const isRoot = process.getuid?.() === 0;

/** Becomes nobody, whose locked memory is limited (root's is not); a ring before has loaded the addon. */
const AS_NOBODY = isRoot
  ? `await Ring.open({ engine: 'io_uring' }).close(); process.setgroups([]); process.setgid(65534); process.setuid(65534);`
  : '';

describe('with little memory that may be locked', { skip: refusal('io_uring') }, () => {
  test('a ring is opened smaller, and works', async () => {
    // 64 KiB allow no ring of 1024 entries.
    const { stdout, stderr } = await runProgram(
      `${AS_NOBODY}
       const ring = Ring.open({ engine: 'io_uring', entries: 1024 });
       const results = await Promise.all(Array.from({ length: 5000 }, () => result((done) => ring.nop(done))));
       console.log(results.length, new Set(results).size);
       await ring.close();`,
      { limits: 'ulimit -l 64' },
    );
    assert.deepEqual({ stdout, stderr }, { stdout: '5000 1\n', stderr: '' });
  });

  test('and none for even the smallest ring, the error names the limit and what to do', async () => {
    const { stdout, stderr } = await runProgram(
      `${AS_NOBODY}
       const before = fs.readdirSync('/proc/self/fd').length;
       try { await Ring.open({ engine: 'io_uring' }).close(); console.log('opened'); }
       catch (error) { console.log(JSON.stringify([error.code, error.errno, error.syscall, error.message])); }
       console.log(fs.readdirSync('/proc/self/fd').length - before);`,
      { limits: 'ulimit -l 0' },
    );
    assert.equal(stderr, '');
    const [first, leaked] = stdout.trim().split('\n');
    if (first === 'opened') return; // kernels before about 6.13 charge rings to nobody
    const [code, errno, syscall, message] = JSON.parse(first);
    assert.deepEqual([code, errno, syscall], ['ENOMEM', -12, 'io_uring_setup']);
    assert.match(message, /locked-memory limit is 0 bytes.*ulimit -l/);
    assert.equal(leaked, '0', 'descriptors of the attempts');
  });

  test('and none for even the smallest ring, the pool takes over, and says why once', async () => {
    const { stdout, stderr } = await runProgram(
      `${AS_NOBODY}
       for (let i = 0; i < 2; i++) {
         const ring = Ring.open();
         console.log(ring.engine, await result((done) => ring.nop(done)));
         await ring.close();
       }`,
      { limits: 'ulimit -l 0', env: { LINUX_AIO_ENGINE: '' } },
    );
    if (stdout.startsWith('io_uring')) return; // kernels before about 6.13 charge rings to nobody
    assert.equal(stdout, 'threads 0\nthreads 0\n');
    assert.match(stderr, /^linux-aio: ENOMEM.*locked-memory limit is 0 bytes.*'threads'.*\n$/);
  });

  test('rings opened and closed one after the other all fit', async () => {
    // The kernel gives the memory back some milliseconds after the close.
    const { stdout, stderr } = await runProgram(
      `${AS_NOBODY}
       for (let i = 0; i < 15; i++) await Ring.open({ engine: 'io_uring' }).close();
       console.log('ok');`,
      { limits: 'ulimit -l 64' },
    );
    assert.deepEqual({ stdout, stderr }, { stdout: 'ok\n', stderr: '' });
  });
});

describe('with too many open files', () => {
  const fill = `
    const files = [];
    try { for (;;) files.push(fs.openSync('/dev/null', 'r')); } catch (error) { if (error.code !== 'EMFILE') throw error; }`;

  test('opening a ring fails with EMFILE, and works once there is room', async () => {
    const { stdout, stderr } = await runProgram(
      `await Ring.open().close();
       await new Promise((resolve) => setTimeout(resolve, 5));
       ${fill}
       const codes = [];
       for (let free = 0; free < 5 && codes.at(-1) !== 'opened'; free++) {
         try { Ring.open()[Symbol.dispose](); codes.push('opened'); }
         catch (error) { codes.push(error.code, error.errno, /too many open files.*ulimit -n/.test(error.message)); }
         await new Promise((resolve) => setTimeout(resolve, 5));
         fs.closeSync(files.pop());
       }
       console.log(codes.join());`,
      { limits: 'ulimit -n 100' },
    );
    assert.equal(stderr, '');
    assert.match(stdout, /^(EMFILE,-24,true,){2,4}opened$/m);
  });

  test('rings opened and disposed of in one turn of the event loop give their descriptors back', async () => {
    const { stdout, stderr } = await runProgram(
      `for (let i = 0; i < 200; i++) Ring.open({ entries: 8 })[Symbol.dispose](); console.log('ok');`,
      { limits: 'ulimit -n 100' },
    );
    assert.deepEqual({ stdout, stderr }, { stdout: 'ok\n', stderr: '' });
  });

  // On the pool a read of a descriptor that somebody else may close needs a duplicate of it, and fails without one.
  test('requests still work, and openat fails with EMFILE', { skip: onlyOn('io_uring') }, async () => {
    const { stdout, stderr } = await runProgram(
      `const ring = Ring.open();
       const fd = fs.openSync(process.execPath);
       await result((done) => ring.nop(done));
       ${fill}
       const read = () => result((done) => ring.read(fd, Buffer.alloc(4), 0, done));
       console.log((await Promise.all([read(), read(), read()])).join(),
         await result((done) => ring.openat(-100, '/dev/null', 0o2000000, 0, done)));
       await ring.close();`,
      { limits: 'ulimit -n 100' },
    );
    assert.deepEqual({ stdout, stderr }, { stdout: '4,4,4 -24\n', stderr: '' });
  });

  test('a closed and reused number still never leads to another file', async () => {
    // No duplicate can be made to hold the file: the request must go at once, or fail, not take its chance.
    const { stdout, stderr } = await runProgram(
      `const ring = Ring.open();
       await result((done) => ring.nop(done));
       ${fill}
       fs.closeSync(files.pop());
       const fd = fs.openSync(process.execPath);
       const first = result((done) => ring.nop(done));
       const buffer = Buffer.alloc(4);
       const read = result((done) => ring.read(fd, buffer, 0, done));
       fs.closeSync(fd);
       const again = fs.openSync(process.argv[1]);
       const bytes = await read;
       console.log(fd === again, bytes, bytes < 0 || buffer.toString('latin1', 1) === 'ELF');
       await ring.close();`,
      { limits: 'ulimit -n 100', args: [import.meta.filename] },
    );
    assert.equal(stderr, '');
    assert.match(stdout, /^true -?\d+ true$/m);
  });
});
