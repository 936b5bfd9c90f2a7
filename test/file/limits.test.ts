// Files where the process may not have what it asks for: descriptors, paths.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packageRoot, runProgram } from '../support/program.js';
import { temporaryDirectory, temporaryFile } from '../support/temp.js';
import { nodeMajor } from './compare.js';

const TELL = `
const tell = (error) => ({ code: error.code, errno: error.errno, syscall: error.syscall, path: error.path });
`;

describe('without a descriptor left', () => {
  it('open says so as Node does, and works again when one is closed', async (t) => {
    const path = temporaryFile(t, 'content');
    const { stdout, stderr, code } = await runProgram(
      `${TELL}
      import { open } from 'linux-aio';
      import { open as nodeOpen } from 'node:fs/promises';
      const first = await open(${JSON.stringify(path)});
      const fds = [];
      try { for (;;) fds.push(fs.openSync('/dev/null')); } catch {}
      const errors = [await open(${JSON.stringify(path)}).catch(tell), await nodeOpen(${JSON.stringify(path)}).catch(tell)];
      const wrong = await first.read('x').catch((error) => error.code);
      const content = await first.readFile('utf8');
      fs.closeSync(fds.pop());
      const again = await open(${JSON.stringify(path)});
      await again.close();
      await first.close();
      console.log(JSON.stringify({ errors, wrong, content }));
      `,
      { limits: 'ulimit -n 60' },
    );
    assert.equal(code, 0, stderr);
    const { errors, wrong, content } = JSON.parse(stdout);
    assert.deepEqual(errors[0], { code: 'EMFILE', errno: -24, syscall: 'open', path });
    assert.deepEqual(errors[0], errors[1]);
    assert.equal(wrong, 'ERR_INVALID_ARG_VALUE');
    assert.equal(content, 'content');
  });
});

describe("under Node's permission model", () => {
  it('open asks Node, so that nothing is opened that fs may not open', async (t) => {
    const directory = temporaryDirectory(t);
    const allowed = temporaryFile(t, 'content');
    const { stdout, stderr, code } = await runProgram(
      `${TELL}
      import { open } from 'linux-aio';
      const file = await open(${JSON.stringify(allowed)});
      const content = await file.readFile('utf8');
      await file.close();
      const errors = [];
      for (const [path, flags] of [[${JSON.stringify(join(directory, 'x'))}], [${JSON.stringify(allowed)}, 'w']]) {
        await open(path, flags).catch((error) => errors.push(error.code));
      }
      console.log(JSON.stringify({ content, errors }));
      `,
      {
        flags: [
          nodeMajor < 22 ? '--experimental-permission' : '--permission',
          '--allow-addons',
          ...[packageRoot, allowed, '/proc'].map((path) => `--allow-fs-read=${path}`),
        ],
      },
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      content: 'content',
      errors: ['ERR_ACCESS_DENIED', 'ERR_ACCESS_DENIED'],
    });
  });
});
