// linux-aio/register in processes of its own: who sees it, and who does not.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { packageRoot, runNode } from '../support/program.js';

const register = pathToFileURL(join(packageRoot, 'dist', 'fs', 'register.js')).href;

/** Prints what the program finds. */
async function run(source: string, flags: string[] = [], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await runNode(['--input-type=module', '-e', source], { flags, env });
  assert.equal(code, 0, stderr);
  return { stdout: stdout.trim(), stderr: stderr.trim() };
}

/** How many requests the ring has made: what goes through it is counted there. */
const COUNT = `
import { defaultRing } from 'linux-aio';
const requests = () => defaultRing().stats.submitted;
`;

describe('linux-aio/register', () => {
  it('serves import and require, by every name, whatever was imported before', async () => {
    const source = `
      import fs, { rmdir as before } from 'node:fs';
      import * as namespace from 'node:fs/promises';
      import { createRequire } from 'node:module';
      ${COUNT}
      await import('linux-aio/register');
      const require = createRequire(import.meta.url);
      const after = await import('node:fs');
      console.log([
        require('fs') === fs,
        require('fs/promises') === fs.promises,
        namespace.readFile === fs.promises.readFile,
        namespace.readFile === require('node:fs/promises').readFile,
        after.rmdir === fs.rmdir,
        after.rmdir === before,
      ].join());
      const counts = [];
      for (const call of [
        () => namespace.unlink('/nowhere').catch(() => {}),
        () => new Promise((resolve) => before('/nowhere', resolve)),
        () => require('fs').promises.mkdir('/').catch(() => {}),
      ]) {
        const from = requests();
        await call();
        counts.push(requests() > from);
      }
      console.log(counts.join());
    `;
    const { stdout } = await run(source);
    assert.equal(stdout, 'true,true,true,true,true,true\ntrue,true,true');
  });

  it('leaves createReadStream what it was: called with new, for classes and functions put in its place', async () => {
    const { stdout, stderr } = await run(
      `
      const { createRequire } = await import('node:module');
      const fs = createRequire(process.cwd() + '/')('node:fs');
      const lengthOf = async (stream) => { let all = 0; for await (const chunk of stream) all += chunk.length; return all; };
      const path = process.execPath;
      const options = Object.create({ start: 0, end: 9 });
      const lengths = [await lengthOf(new fs.createReadStream(path, options)), await lengthOf(fs.createReadStream(path, { end: 4 }))];
      const { read, ReadStream } = fs;
      let calls = 0;
      fs.read = (...args) => { calls++; return read(...args); };
      lengths.push(await lengthOf(fs.createReadStream(path, { end: 200_000 })), calls > 3);
      fs.ReadStream = class Mine extends ReadStream {};
      console.log(JSON.stringify([...lengths, fs.createReadStream(path, { end: 1 }).constructor.name]));
    `,
      ['--import', register],
    );
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout), [10, 5, 200_001, true, 'Mine']);
  });

  it('is idempotent', async () => {
    const source = `
      import fs from 'node:fs';
      const { readFile } = fs;
      await import(${JSON.stringify(register)} + '?again');
      console.log(fs.readFile === readFile);
    `;
    assert.equal((await run(source, ['--import', register])).stdout, 'true');
  });

  it('is switched off by LINUX_AIO=0', async () => {
    const source = `
      import fs from 'node:fs';
      const { readFile } = fs;
      await import('linux-aio/register');
      console.log(fs.readFile === readFile);
    `;
    assert.equal((await run(source, [], { LINUX_AIO: '0' })).stdout, 'true');
  });

  it('reaches worker threads and child processes that inherit the option', async () => {
    const inner = `
      const fs = require('node:fs');
      require('node:fs').promises.readFile('/proc/self/comm', 'utf8').then((name) =>
        console.log(typeof name, Object.getOwnPropertySymbols(fs).map(String).join()));
    `;
    const source = `
      import { Worker } from 'node:worker_threads';
      import { fork } from 'node:child_process';
      import { once } from 'node:events';
      import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
      const dir = mkdtempSync('/tmp/linux-aio-');
      writeFileSync(dir + '/inner.cjs', ${JSON.stringify(inner)});
      await once(new Worker(dir + '/inner.cjs', { execArgv: [] }), 'exit');
      await once(fork(dir + '/inner.cjs', { execArgv: [] }), 'exit');
      rmSync(dir, { recursive: true });
    `;
    const { stdout } = await run(source, [], { NODE_OPTIONS: `--import ${register}` });
    const line = 'string Symbol(linux-aio.registered)';
    assert.equal(stdout, `${line}\n${line}`);
  });

  it('leaves everything to Node, and says so once, where no addon can be loaded', async () => {
    const source = `
      import { readFile, stat } from 'node:fs/promises';
      console.log((await readFile('/proc/self/comm', 'utf8')).trim(), (await stat('/')).isDirectory());
    `;
    const { stdout, stderr } = await run(source, ['--import', register], { LINUX_AIO_ADDON: '/nowhere' });
    assert.equal(stdout, 'node true');
    assert.match(stderr, /^linux-aio: .*\/nowhere is missing.*read and written by node:fs.*$/);
  });

  it('leaves everything to Node under the permission model', async () => {
    const flag = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission';
    const source = `
      import { readFile } from 'node:fs/promises';
      await readFile('/etc/hostname').then(
        () => console.log('read'),
        (error) => console.log(error.code),
      );
    `;
    const { stdout } = await run(source, [flag, `--allow-fs-read=${packageRoot}/*`, '--import', register]);
    assert.equal(stdout, 'ERR_ACCESS_DENIED');
  });

  it('goes by the real clock where a test has replaced the timers', async () => {
    const source = `
      import { mock } from 'node:test';
      import fs from 'node:fs';
      mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
      const texts = [];
      for (let i = 0; i < 20000; i++) texts.push(await fs.promises.readFile('/proc/self/comm', 'utf8'));
      fs.stat('/', (error, stats) => console.log(texts.length, stats.isDirectory()));
    `;
    assert.equal((await run(source, ['--import', register])).stdout, '20000 true');
  });
});
