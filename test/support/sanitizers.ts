// The addon instrumented by the compiler, in a Node that is not: the sanitizer's run-time library is loaded before
// everything else, and watches what the addon does with memory, and what it hands to libc.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CC, compiledOnce } from './compiled.js';
import { packageRoot } from './program.js';

export interface Sanitizer {
  readonly name: string;
  readonly flags: string;
  /** its run-time library, as the compiler knows it */
  readonly library: string;
  /** the variable that the library reads, and what is said in it beside the path of the reports */
  readonly variable: string;
  readonly options: readonly string[];
}

/** Tests ask for more memory than there is, for which Node has an error. */
const OF_ALL = ['allocator_may_return_null=1', 'exitcode=99'];
const PLAIN = '-O1 -g -fno-omit-frame-pointer';

export const ADDRESS: Sanitizer = {
  name: 'AddressSanitizer and UndefinedBehaviorSanitizer',
  // What C leaves undefined traps, and AddressSanitizer reports the trap. UndefinedBehaviorSanitizer's own library, loaded
  // beside the other's, ignores UBSAN_OPTIONS and writes to stderr, which a test may throw away.
  flags: `${PLAIN} -fsanitize=address,undefined -fsanitize-undefined-trap-on-error`,
  library: 'libasan.so',
  variable: 'ASAN_OPTIONS',
  // Node frees much of its own only by ending; what the addon leaves behind is looked for by fuzz/addon.
  options: ['detect_leaks=0', 'handle_sigill=1', ...OF_ALL],
};

export const THREADS: Sanitizer = {
  name: 'ThreadSanitizer',
  flags: `${PLAIN} -fsanitize=thread`,
  library: 'libtsan.so',
  variable: 'TSAN_OPTIONS',
  // Node and V8 are not instrumented. Their locks are seen, their atomics are not, so what they give to libc would be
  // reported as races; what the addon does and calls is seen whole. At its end every process waits for races that come
  // late, by default for a second; tests start hundreds of processes. A process that ends while a device does not answer
  // leaves the pool's threads as they are, on purpose: nobody can wait for them.
  options: ['ignore_noninstrumented_modules=1', 'atexit_sleep_ms=100', 'report_thread_leaks=0', ...OF_ALL],
};

/**
 * An empty library compiled with the sanitizer. It makes ThreadSanitizer begin before main: a shell calls sigsetjmp first
 * of all, through a pointer that is not there before.
 */
const starter = ({ flags, library }: Sanitizer): string =>
  compiledOnce(`${library}-start.so`, [], [flags], (out) => {
    const args = ['-shared', '-fPIC', ...flags.split(' '), '-o', out, '-x', 'c', '-'];
    execFileSync(CC, args, { input: 'extern int nothing;', stdio: 'pipe' });
  });

/** For programs that do not load the addon: what a sanitizer says of them is not about it. */
export function unsanitizedEnvironment(): NodeJS.ProcessEnv {
  const { LD_PRELOAD: _, ...rest } = process.env;
  return rest;
}

/** Whether this process runs under a sanitizer already. */
export const isSanitized = (): boolean => /lib[atu]+san/.test(process.env['LD_PRELOAD'] ?? '');

const reasons = new Map<Sanitizer, string | false>();

/** Why there is no such sanitizer here; false where there is. */
export function missing(sanitizer: Sanitizer): string | false {
  if (isSanitized()) return 'this runs under a sanitizer itself';
  const known = reasons.get(sanitizer);
  if (known !== undefined) return known;
  const reason = tried(sanitizer);
  reasons.set(sanitizer, reason);
  return reason;
}

/** A library may be there and not work: ThreadSanitizer's, where addresses are more random than it expects. */
function tried(sanitizer: Sanitizer): string | false {
  try {
    if (!pathOf(sanitizer).startsWith('/')) return `${CC} has no ${sanitizer.library}`;
    const env = { ...process.env, LD_PRELOAD: preloaded(sanitizer) };
    const { status, stderr } = spawnSync(process.execPath, ['-e', ''], { env, encoding: 'utf8' });
    return status !== 0 && `Node does not start with ${sanitizer.library}: ${stderr.trim().split('\n')[0]}`;
  } catch (error) {
    return `${CC} does not compile for ${sanitizer.name}: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** Of its library; not a path where the compiler has none. */
const pathOf = ({ library }: Sanitizer): string =>
  execFileSync(CC, [`-print-file-name=${library}`], { encoding: 'utf8', stdio: 'pipe' }).trim();

/** What is loaded before everything else. */
const preloaded = (sanitizer: Sanitizer): string => `${pathOf(sanitizer)} ${starter(sanitizer)}`;

/** A change to the addon's sources with which something is wrong, and what the sanitizer says of it. */
export interface Plant {
  readonly name: string;
  /** below the package's folder */
  readonly file: string;
  /** stands there exactly once */
  readonly find: string;
  readonly replace: string;
  readonly reported: RegExp;
}

/** The path of the addon compiled for a sanitizer, with something wrong if that is asked for. */
export function sanitizedAddon(sanitizer: Sanitizer, plant?: Plant): string {
  const native = join(packageRoot, 'native');
  const script = join(packageRoot, 'scripts', 'build-native.mjs');
  const headers = createRequire(import.meta.url).resolve('node-api-headers/package.json'); // their version
  const sources = [script, headers, ...readdirSync(native).map((file) => join(native, file))];
  const name = `${sanitizer.library}-${plant?.name ?? 'addon'}`.replaceAll(' ', '-');
  const settings = [sanitizer.flags, ...(plant ? [plant.file, plant.find, plant.replace] : [])];
  const build = (root: string, out: string) =>
    execFileSync(process.execPath, [join(root, 'scripts', 'build-native.mjs')], {
      env: { ...process.env, LINUX_AIO_CFLAGS: sanitizer.flags, LINUX_AIO_ADDON_OUT: out },
      stdio: 'pipe',
    });
  return compiledOnce(`${name}.node`, sources, settings, (out) => {
    if (plant) inChangedCopy(plant, (root) => build(root, out));
    else build(packageRoot, out);
  });
}

function inChangedCopy({ file, find, replace }: Plant, use: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'linux-aio-planted-'));
  try {
    for (const folder of ['native', 'scripts'])
      cpSync(join(packageRoot, folder), join(root, folder), { recursive: true });
    symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'));
    const parts = readFileSync(join(root, file), 'utf8').split(find);
    assert.equal(parts.length, 2, `${file} does not have once: ${find}`);
    writeFileSync(join(root, file), parts.join(replace));
    use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/**
 * Programs with the sanitized addon: `environment` is theirs, and what the sanitizer reports of them and of the processes
 * that they start is in `reports()`, which forgets it.
 */
export class Sanitized {
  readonly sanitizer: Sanitizer;
  readonly environment: Record<string, string>;
  readonly #reports: string;

  /** @param directory where reports go; whoever a test becomes can write there */
  constructor(sanitizer: Sanitizer, directory: string, plant?: Plant) {
    this.sanitizer = sanitizer;
    this.#reports = directory;
    chmodSync(directory, 0o777);
    const log = `log_path=${join(directory, 'report')}`;
    this.environment = {
      [sanitizer.variable]: [...sanitizer.options, log].join(':'),
      LD_PRELOAD: preloaded(sanitizer),
      LINUX_AIO_ADDON: sanitizedAddon(sanitizer, plant),
    };
  }

  reports(): string[] {
    return readdirSync(this.#reports).flatMap((name) => {
      const path = join(this.#reports, name);
      const text = readFileSync(path, 'utf8');
      rmSync(path);
      const [before, ...reports] = text.replace(NOTES, '').split(HEAD);
      // Whatever else it says is one, too.
      return reports.length > 0 || before.trim() === '' ? reports : [before];
    });
  }
}

/** That there is not so much memory, or no name for a frame. */
const NOTES = /^==\d+==WARNING: .*\n/gm;
const HEAD = /^(?===\d+==ERROR: |(?:WARNING|FATAL): ThreadSanitizer: )/m;
