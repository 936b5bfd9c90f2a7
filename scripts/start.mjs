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
console.log(
  'Random reads of 4 KiB from a temporary file, linux-aio on io_uring against node:fs/promises: half a minute.\n',
);
const { status } = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'aio.js'), ...args, ...extra], {
  stdio: 'inherit',
});
if (status === 0) {
  const aio = join('dist', 'cli', 'aio.js');
  console.log(`\nNext: node ${aio} models    blocking, select, AIO: the same job in each, drawn`);
  console.log(`      node ${aio} doctor    what this machine can do`);
}
process.exit(status ?? 1);
