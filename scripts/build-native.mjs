// Compiles native/*.c into prebuilds/linux-<arch>/linux-aio.node.
//
// The addon links against nothing (-nostdlib): every symbol it uses (Node-API, libuv, libc) is already in the
// process that loads it. So one file per CPU serves glibc and musl, and every Node from 20 on.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');

/** Compiler flags beyond the defaults: LINUX_AIO_CFLAGS='-fsanitize=address -g' builds an instrumented addon. */
const extraFlags = (process.env.LINUX_AIO_CFLAGS ?? '').split(' ').filter(Boolean);
const instrumented = extraFlags.length > 0;

export function outputPath() {
  return (
    process.env.LINUX_AIO_ADDON_OUT ?? join(root, 'prebuilds', `linux-${process.arch}`, 'linux-aio.node')
  );
}

/**
 * node-api-headers, so that a build in this repository is the same everywhere; in an installed package, which has no
 * dependencies, whatever came with Node.
 */
function headers() {
  try {
    return createRequire(import.meta.url)('node-api-headers').include_dir;
  } catch (error) {
    const ofNode = join(dirname(dirname(process.execPath)), 'include', 'node');
    if (existsSync(join(ofNode, 'node_api.h'))) return ofNode;
    throw new Error('Node-API headers were not found. Install them first: npm install node-api-headers', {
      cause: error,
    });
  }
}

export function buildNative({ force = false } = {}) {
  const out = outputPath();
  const sources = readdirSync(native).filter((f) => f.endsWith('.c'));
  const inputs = readdirSync(native).map((f) => join(native, f));
  if (!force && !instrumented && isNewer(out, [...inputs, fileURLToPath(import.meta.url)])) return out;
  mkdirSync(dirname(out), { recursive: true });
  const cc = process.env.CC ?? 'cc';
  const flags = [
    '-std=gnu11',
    '-O2',
    '-fPIC',
    '-shared',
    '-fvisibility=hidden',
    '-fno-strict-aliasing',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-Wno-unused-parameter',
    ...(instrumented ? extraFlags : ['-nostdlib']),
    '-I',
    headers(),
    '-o',
    out,
  ];
  try {
    execFileSync(cc, [...flags, ...sources.map((f) => join(native, f))], { stdio: 'inherit' });
  } catch (error) {
    if (error.code === 'ENOENT') {
      throw new Error(`no C compiler: '${cc}' was not found. Install gcc or clang, or set CC.`, {
        cause: error,
      });
    }
    throw error;
  }
  return out;
}

function isNewer(file, than) {
  try {
    const { mtimeMs } = statSync(file);
    return than.every((f) => statSync(f).mtimeMs <= mtimeMs);
  } catch {
    return false; // not built yet
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(buildNative({ force: true }));
