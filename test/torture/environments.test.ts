// Surroundings that take something away: no /proc, a read-only file system, another runtime; and many at once: threads,
// forked processes. (Seccomp and containers: test/container. Other lines of Node: test/package. Kernels: boot-kernel.sh.)
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import test, { describe } from 'node:test';
import { engineUnderTest } from '../support/engines.js';
import { packageUrl, runProgram } from '../support/program.js';
import { temporaryDirectory } from '../support/temp.js';
import { startWorker } from '../support/worker.js';

const engine = engineUnderTest();

const unshared = (() => {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'pipe' });
    return false;
  } catch {
    return 'mount namespaces are not to be had here';
  }
})();

const WORK = `
  import { open } from 'linux-aio';
  const path = process.argv[1];
  const file = await open(path, 'w+');
  await file.writeMany([{ buffer: Buffer.from('written'), position: 0 }], { sync: true });
  const text = String((await file.read(Buffer.alloc(7), { position: 0 })).buffer);
  const whole = await file.readFile('utf8');
  await file.close();
  console.log(JSON.stringify([text, whole]));
`;

test('without /proc everything works', { skip: unshared }, async (t) => {
  const launcher = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];
  const { stdout, stderr, code } = await runProgram(WORK, {
    launcher,
    args: [`${temporaryDirectory(t)}/file`],
  });
  assert.deepEqual([stdout, stderr, code], ['["written","written"]\n', '', 0]);
});

test('on a read-only file system reading works, and writing says EROFS', { skip: unshared }, async (t) => {
  const directory = temporaryDirectory(t);
  const script = `mount --bind ${directory} ${directory} && echo content > ${directory}/file && mount -o remount,ro,bind ${directory} && exec "$@"`;
  const program = `
    import { open } from 'linux-aio';
    const errors = [];
    for (const [name, flags] of [['file', 'r+'], ['new', 'w']]) {
      await open(process.argv[1] + '/' + name, flags).catch((error) => errors.push(error.code));
    }
    const file = await open(process.argv[1] + '/file');
    console.log(JSON.stringify([errors, await file.readFile('utf8')]));
    await file.close();`;
  const { stdout, stderr } = await runProgram(program, {
    launcher: ['unshare', '--mount', 'sh', '-c', script, 'sh'],
    args: [directory],
  });
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), [['EROFS', 'EROFS'], 'content\n']);
});

test('two dozen threads with a ring each work side by side', async (t) => {
  const directory = temporaryDirectory(t);
  const source = `
    const ring = Ring.open({ entries: 16 });
    const fd = fs.openSync(data, 'w+');
    for (let i = 0; i < 50; i++) {
      const block = Buffer.alloc(512, i);
      await result((done) => ring.write(fd, block, i * 512, done));
      const back = Buffer.alloc(512);
      await result((done) => ring.read(fd, back, i * 512, done));
      if (!back.equals(block)) throw new Error('other data');
    }
    post(await result((done) => ring.fsync(fd, true, done)));
    fs.closeSync(fd);
    await ring.close();`;
  const results = await Promise.all(
    Array.from({ length: 24 }, async (_, i) => {
      const worker = startWorker(source, `${directory}/${i}`);
      let message: unknown;
      worker.on('message', (value) => {
        message = value;
      });
      const code = await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
      return [message, code];
    }),
  );
  assert.deepEqual(
    results,
    Array.from({ length: 24 }, () => [0, 0]),
  );
});

test('a forked process has rings of its own, and none of its parent’s descriptors', async (t) => {
  const program = `
    import { fork } from 'node:child_process';
    import { once } from 'node:events';
    const ring = Ring.open();
    await result((done) => ring.nop(done));
    const pending = ring.timeout(60_000, () => {});
    fs.writeFileSync(process.argv[1], \`
      import fs from 'node:fs';
      const inherited = fs.readdirSync('/proc/self/fd').map((fd) => {
        try { return fs.readlinkSync('/proc/self/fd/' + fd); } catch { return ''; }
      }).filter((name) => name.includes('io_uring'));
      const { Ring } = await import('${packageUrl}');
      const ring = Ring.open();
      const answer = await new Promise((resolve) => ring.nop(resolve));
      await ring.close();
      process.send([inherited.length, answer]);
      process.disconnect();
    \`);
    const child = fork(process.argv[1], { execArgv: [] });
    const [message] = await once(child, 'message');
    const [code] = await once(child, 'exit');
    ring.cancel(pending, () => {});
    await ring.close();
    console.log(JSON.stringify([message, code]));`;
  const { stdout, stderr } = await runProgram(program, { args: [`${temporaryDirectory(t)}/child.mjs`] });
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), [[0, 0], 0]);
});

describe('another runtime says that it is not supported, and what to use', () => {
  const cases = { bun: ['-e'], deno: ['eval'] };
  for (const [runtime, args] of Object.entries(cases)) {
    const elsewhere = engine === 'io_uring' ? false : 'does not depend on the engine';
    const missing = spawnSync(runtime, ['--version']).status === 0 ? false : `no ${runtime} here`;
    test(runtime, { skip: elsewhere || missing }, () => {
      const script = `const { open } = await import('${packageUrl}'); await open('/etc/hosts').catch((e) => console.log(e.code, e.message));`;
      const { stdout, stderr } = spawnSync(runtime, [...args, script], { encoding: 'utf8' });
      assert.match(
        stdout,
        /^ERR_FEATURE_UNAVAILABLE_ON_PLATFORM .*needs Node\.js \(this is (Bun|Deno)\)\. Use node:fs here\./,
        stderr,
      );
    });
  }
});
