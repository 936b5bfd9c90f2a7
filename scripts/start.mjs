// `npm start`: the main job in under a minute: `aio bench` on a temporary file against node:fs/promises.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = [
  'bench',
  '--size',
  '64m',
  '--bs',
  '4k',
  '--iodepth',
  '1,32,128',
  '--runtime',
  '4',
  '--ioengine',
  'io_uring,node',
];
const extra = process.argv.slice(2);
const { status } = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'aio.js'), ...args, ...extra], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
