// `--import linux-aio/register` in programs as they are: modules of both kinds, functions taken before it and after,
// promisify, workers, child processes, the permission model.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type ProgramOptions, packageRoot, packageUrl, runNode } from '../support/program.js';
import { temporaryDirectory } from '../support/temp.js';

const REGISTER = ['--import', 'linux-aio/register'];

/** Runs `files[main]`, all files written into one folder; its last line of output as JSON. */
async function run(
  t: TestContext,
  files: Record<string, string>,
  main: string,
  options: ProgramOptions = {},
): Promise<unknown> {
  const directory = temporaryDirectory(t);
  for (const [name, source] of Object.entries(files)) fs.writeFileSync(join(directory, name), source);
  fs.writeFileSync(join(directory, 'file.txt'), 'text');
  const { code, signal, stdout, stderr } = await runNode([join(directory, main), directory], {
    flags: REGISTER,
    ...options,
  });
  assert.equal(signal ?? code, 0, `${stdout}${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

/** Requests that the ring of the thread has had while `call` ran: what is in memory is answered without one. */
const COUNTED = `
async function counted(call) {
  const { defaultRing } = await import(${JSON.stringify(packageUrl)});
  const before = defaultRing().stats.submitted;
  await call();
  return defaultRing().stats.submitted - before;
}`;

describe('programs under --import linux-aio/register', () => {
  it('use the ring by every door of an ES module', async (t) => {
    const source = `
      import fs, { rename as named, promises as inner } from 'node:fs';
      import * as space from 'fs';
      import promises, { unlink } from 'node:fs/promises';
      import * as promiseSpace from 'fs/promises';
      import { promisify } from 'node:util';
      ${COUNTED}
      const none = '/nowhere/at/all';
      const calls = [
        () => promisify(named)(none, none), () => promisify(fs.mkdir)(none), () => promisify(space.link)(none, none),
        () => inner.unlink(none), () => promises.rmdir(none), () => unlink(none), () => promiseSpace.mkdir(none),
        () => fs.promises.rename(none, none),
      ];
      const counts = [];
      for (const call of calls) counts.push(await counted(() => call().catch((error) => { if (error.code !== 'ENOENT') throw error; })));
      console.log(JSON.stringify(counts.map((count) => count > 0)));`;
    assert.deepEqual(await run(t, { 'main.mjs': source }, 'main.mjs'), Array(8).fill(true));
  });

  it('use the ring by every door of a CommonJS module', async (t) => {
    const source = `
      const fs = require('fs');
      const { rename } = require('node:fs').promises;
      const { link } = require('fs/promises');
      const { promisify } = require('util');
      ${COUNTED}
      (async () => {
        const counts = [];
        const none = '/nowhere/at/all';
        for (const call of [() => rename(none, none), () => link(none, none), () => promisify(fs.mkdir)(none), () => promisify(fs.unlink)(none)])
          counts.push(await counted(() => call().catch(() => {})));
        console.log(JSON.stringify(counts.map((count) => count > 0)));
      })();`;
    assert.deepEqual(await run(t, { 'main.cjs': source }, 'main.cjs'), Array(4).fill(true));
  });

  it('find that one and the same function is behind all names', async (t) => {
    const source = `
      import fs from 'node:fs';
      import * as space from 'node:fs';
      import promises from 'node:fs/promises';
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      const names = Object.keys(fs.promises).filter((name) => typeof fs.promises[name] === 'function');
      const callbacks = Object.keys(fs).filter((name) => typeof fs[name] === 'function');
      console.log(JSON.stringify([
        names.every((name) => promises[name] === fs.promises[name] && require('fs/promises')[name] === promises[name]),
        callbacks.every((name) => space[name] === fs[name] && require('fs')[name] === fs[name]),
        process.getBuiltinModule ? process.getBuiltinModule('fs') === fs : true,
      ]));`;
    assert.deepEqual(await run(t, { 'main.mjs': source }, 'main.mjs'), [true, true, true]);
  });

  it('keep what was taken out of the modules before register', async (t) => {
    const files = {
      'early.cjs': `globalThis.early = { stat: require('fs').stat, open: require('fs/promises').open };`,
      'main.mjs': `
        import fs from 'node:fs';
        await import(${JSON.stringify(import.meta.resolve('linux-aio/register'))});
        const info = await new Promise((resolve, reject) => early.stat(process.argv[2] + '/file.txt', (error, value) => error ? reject(error) : resolve(value)));
        const handle = await early.open(process.argv[2] + '/file.txt');
        // a handle that Node opened works with everything there is now
        const all = [
          await fs.promises.readFile(handle, 'utf8'), (await handle.stat()).size, (await handle.read(Buffer.alloc(2), 0, 2, 1)).bytesRead,
          info.size,
        ];
        await handle.close();
        console.log(JSON.stringify(all));`,
    };
    const directory = temporaryDirectory(t);
    fs.writeFileSync(join(directory, 'early.cjs'), files['early.cjs']);
    const flags = ['--require', join(directory, 'early.cjs')];
    assert.deepEqual(await run(t, files, 'main.mjs', { flags }), ['text', 4, 2, 4]);
  });

  it('promisify fs.read, fs.write, fs.readv, fs.writev and fs.exists as Node does', async (t) => {
    const source = `
      const fs = require('fs');
      const { promisify } = require('util');
      (async () => {
        const path = process.argv[2] + '/file.txt';
        const fd = fs.openSync(path, 'r+');
        const shown = [
          Object.keys(await promisify(fs.read)(fd, Buffer.alloc(4), 0, 4, 0)),
          Object.keys(await promisify(fs.write)(fd, Buffer.from('more'), 0, 4, 0)),
          Object.keys(await promisify(fs.readv)(fd, [Buffer.alloc(2)], 0)),
          Object.keys(await promisify(fs.writev)(fd, [Buffer.alloc(2)], 0)),
          await promisify(fs.exists)(path), await promisify(fs.exists)(path + 'x'),
        ];
        fs.closeSync(fd);
        console.log(JSON.stringify(shown));
      })();`;
    const plain = await run(t, { 'main.cjs': source }, 'main.cjs', { flags: [] });
    assert.deepEqual(await run(t, { 'main.cjs': source }, 'main.cjs'), plain);
  });

  it('let others replace functions, as they do with node:fs', async (t) => {
    const source = `
      import fs, { readFile } from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const theirs = fs.readFile;
      let calls = 0;
      fs.readFile = function (...args) { calls++; return theirs.apply(this, args); };
      syncBuiltinESMExports();
      await import('linux-aio/register').catch(() => {});
      const content = await new Promise((resolve, reject) => fs.readFile(process.argv[2] + '/file.txt', 'utf8', (error, text) => error ? reject(error) : resolve(text)));
      console.log(JSON.stringify([content, calls, readFile === fs.readFile]));`;
    assert.deepEqual(await run(t, { 'main.mjs': source }, 'main.mjs'), ['text', 1, true]);
  });

  it('see what they change of FileHandles after their first call', async (t) => {
    // As tests of programs do to count, or to break, what happens to a handle. Node opens one for each of these.
    for (const call of [
      `fs.promises.readFile(path)`,
      `fs.promises.writeFile(path, 'text')`,
      `fs.promises.appendFile(path, 'text')`,
      `fs.promises.truncate(path)`,
    ]) {
      const source = `
        const fs = require('fs');
        const { FileHandle } = require('internal/fs/promises');
        const path = process.argv[2] + '/file.txt';
        const { get } = Object.getOwnPropertyDescriptor(FileHandle.prototype, 'fd');
        let seen = 0;
        (async () => {
          await ${call}; // the first of all: no FileHandle has been opened before it
          Object.defineProperty(FileHandle.prototype, 'fd', { get() { seen++; return get.call(this); }, configurable: true });
          await ${call};
          console.log(JSON.stringify(seen > 0));
        })();`;
      const flags = ['--expose-internals', ...REGISTER];
      assert.equal(await run(t, { 'main.cjs': source }, 'main.cjs', { flags }), true, call);
    }
  });

  it('hand it on to workers and to forked children', async (t) => {
    const inner = `
      const fs = require('fs');
      ${COUNTED}
      counted(() => fs.promises.rename(__filename, __filename)).then((count) =>
        require('worker_threads').parentPort ? require('worker_threads').parentPort.postMessage(count > 0) : process.send(count > 0));`;
    const source = `
      import { fork } from 'node:child_process';
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      const inner = process.argv[2] + '/inner.cjs';
      const [worker] = await once(new Worker(inner), 'message');
      const child = fork(inner);
      const [message] = await once(child, 'message');
      child.disconnect?.();
      console.log(JSON.stringify([worker, message]));`;
    // by URL: the worker and the child look for packages from where they are
    const flags = ['--import', import.meta.resolve('linux-aio/register')];
    assert.deepEqual(await run(t, { 'main.mjs': source, 'inner.cjs': inner }, 'main.mjs', { flags }), [
      true,
      true,
    ]);
  });

  it('transfer a FileHandle to a worker, and back', async (t) => {
    const inner = `
      const { parentPort } = require('worker_threads');
      parentPort.once('message', async (handle) => {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
        parentPort.postMessage({ text: buffer.toString('utf8', 0, bytesRead), handle }, [handle]);
      });`;
    const source = `
      import { once } from 'node:events';
      import { open } from 'node:fs/promises';
      import { Worker } from 'node:worker_threads';
      const worker = new Worker(process.argv[2] + '/inner.cjs');
      const handle = await open(process.argv[2] + '/file.txt');
      worker.postMessage(handle, [handle]);
      const [{ text, handle: back }] = await once(worker, 'message');
      console.log(JSON.stringify([text, handle.fd, (await back.readFile('utf8')), await back.close() === undefined]));`;
    const flags = ['--import', import.meta.resolve('linux-aio/register')];
    assert.deepEqual(await run(t, { 'main.mjs': source, 'inner.cjs': inner }, 'main.mjs', { flags }), [
      'text',
      -1,
      'text',
      true,
    ]);
  });

  it('end when there is nothing more to do, also with a FIFO left open', async (t) => {
    const source = `
      import fs from 'node:fs';
      await fs.promises.readFile(process.argv[2] + '/file.txt');
      fs.stat(process.argv[2], () => {});
      console.log('1');`;
    assert.equal(await run(t, { 'main.mjs': source }, 'main.mjs', { timeoutMs: 10_000 }), 1);
  });

  it('are left to Node by LINUX_AIO=0', async (t) => {
    const source = `
      import fs from 'node:fs';
      console.log(JSON.stringify([/native code|binding/.test(String(fs.stat)), Object.getOwnPropertySymbols(fs).length]));`;
    const off = { env: { LINUX_AIO: '0' } };
    const plain = await run(t, { 'main.mjs': source }, 'main.mjs', { flags: [] });
    assert.deepEqual(await run(t, { 'main.mjs': source }, 'main.mjs', off), plain);
    assert.notDeepEqual(await run(t, { 'main.mjs': source }, 'main.mjs'), plain);
  });
});

describe('the permission model under register', () => {
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const source = `
    import fs from 'node:fs';
    const tried = [];
    const out = process.argv[2] + '/written';
    for (const call of [
      () => fs.promises.readFile('/etc/passwd'), () => fs.promises.open('/etc/passwd'), () => fs.promises.stat('/etc/passwd'),
      () => fs.promises.writeFile(out, 'x'), () => fs.promises.unlink(process.argv[2] + '/file.txt'),
      () => fs.promises.rename(process.argv[2] + '/file.txt', out), () => fs.promises.mkdir(out),
      () => fs.promises.readFile(process.argv[2] + '/file.txt', 'utf8'),
      () => new Promise((resolve, reject) => fs.readFile('/etc/passwd', (error) => error ? reject(error) : resolve('read'))),
      () => new Promise((resolve, reject) => fs.createReadStream('/etc/passwd').on('error', reject).on('data', () => resolve('read'))),
    ]) {
      try { tried.push(await call()); } catch (error) { tried.push(error.code); }
    }
    console.log(JSON.stringify([tried, fs.existsSync(out)]));`;
  const denied = Array(7).fill('ERR_ACCESS_DENIED');
  const expected = [[...denied, 'text', 'ERR_ACCESS_DENIED', 'ERR_ACCESS_DENIED'], false];

  for (const allowAddons of [false, true]) {
    it(`is in force ${allowAddons ? 'with' : 'without'} addons allowed`, async (t) => {
      const directory = temporaryDirectory(t);
      fs.writeFileSync(join(directory, 'main.mjs'), source);
      fs.writeFileSync(join(directory, 'file.txt'), 'text');
      const flags = [
        permission,
        `--allow-fs-read=${packageRoot}/*`,
        `--allow-fs-read=${directory}/*`,
        ...(allowAddons ? ['--allow-addons'] : []),
        '--import',
        import.meta.resolve('linux-aio/register'),
      ];
      const { code, stdout, stderr } = await runNode([join(directory, 'main.mjs'), directory], { flags });
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(stdout), expected);
      assert.equal(fs.readFileSync(join(directory, 'file.txt'), 'utf8'), 'text');
    });
  }
});
