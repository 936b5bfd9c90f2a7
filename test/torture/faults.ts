// Faults, real ones: full disks, limits, a file system that fails, stalls and lies short (faultfs.c). Each of
// faults-list.ts is tried through every door on every engine, in a process of its own (faults-case.ts): the right error
// reaches the right caller, work elsewhere goes on meanwhile, and afterwards no descriptor, slot, buffer or memory is left.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cannotMount, type DiskKind, mountDisk } from './disks.js';
import { FaultFs, noFaultfs } from './faultfs.js';
import { casesOf, type Fault, type FaultPart, type Tried } from './faults-list.js';
import type { Counts, Part, Place, Trial } from './part.js';
import { AIO_MAX_NR, type Case, LOCKED_BYTES_MAX } from './scene.js';

const caseProgram = fileURLToPath(new URL('faults-case.js', import.meta.url));
const HANG_MS = 60_000;

export interface Surroundings {
  /** a shell command that runs before, in the same process */
  limits?: string;
  /** ms between signals sent to it */
  signalEveryMs?: number;
  /** what the scene is told, where that is known here only */
  detail?: string;
}

interface Verdict {
  /** results of requests */
  checked: number;
  /** by how much the process was larger afterwards, by what */
  grown: Record<string, number>;
}

async function tryCase(place: Place, own: Case, surroundings: Surroundings = {}): Promise<Verdict> {
  const node = [process.execPath, '--expose-gc', '--no-warnings', caseProgram, JSON.stringify(own)];
  const command = ['/bin/sh', '-c', `${surroundings.limits ?? 'true'} && exec "$@"`, 'sh', ...node];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(command[0], command.slice(1), { env: { ...env, LINUX_AIO_ENGINE: place.engine } });
  let stdout = '';
  let stderr = '';
  let signals: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
    if (stdout.includes('enough')) clearInterval(signals);
    else if (surroundings.signalEveryMs && stdout.startsWith('ready'))
      signals ??= setInterval(() => child.kill('SIGUSR2'), surroundings.signalEveryMs);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  clearInterval(signals);
  const what = `${own.scene} ${own.detail ?? ''} through ${own.door} on ${place.engine}`;
  assert.equal(code, 0, `${what}: ${signal === 'SIGKILL' ? 'it hangs' : signal} ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Verdict;
}

/** Where the cases of a part take place. */
export interface Ground {
  faulty: string;
  backing?: string;
  surroundings?: (fault: Fault) => Surroundings | undefined;
  close(): Promise<void> | void;
}

async function tryOne(place: Place, { fault, door }: Tried, ground: Ground): Promise<Counts> {
  const { faulty, backing } = ground;
  const surroundings = ground.surroundings?.(fault);
  const healthy = join(place.directory, 'healthy');
  fs.mkdirSync(healthy, { recursive: true });
  place.note(`${fault.name} through ${door}`);
  place.tries(fault.name, door);
  const detail = fault.detail ?? surroundings?.detail;
  const own: Case = { scene: fault.scene, door, detail, faulty, backing, healthy };
  const { checked, grown } = await tryCase(place, own, surroundings);
  const growth = Object.entries(grown).map(([what, by]) => [`max growth of ${what}`, Math.max(0, by)]);
  return {
    cases: 1,
    'results checked': checked,
    'wrong, lost or leaked': 0,
    ...Object.fromEntries(growth),
  };
}

/**
 * @param start prepares the ground, in an empty directory
 * @param isAnew for each case, not once for all
 */
export function faultPart(
  name: FaultPart,
  promise: string,
  unavailable: () => string | false,
  start: (directory: string) => Promise<Ground> | Ground,
  isAnew = false,
): Part {
  const cases = casesOf(name);
  return {
    name,
    promise,
    rounds: { sample: 1, full: 5 * cases.length },
    engines: 'each',
    unavailable,
    async open(place): Promise<Trial> {
      const shared = isAnew ? null : await start(place.directory);
      return {
        async round(_random, seed): Promise<Counts> {
          const ground = shared ?? (await start(join(place.directory, String(seed))));
          try {
            return await tryOne(place, cases[seed % cases.length], ground);
          } finally {
            if (isAnew) await ground.close();
          }
        },
        close: () => shared?.close(),
      };
    },
  };
}

async function mounted(directory: string): Promise<Ground> {
  fs.mkdirSync(directory, { recursive: true });
  const faultfs = await FaultFs.mount(directory);
  return { faulty: faultfs.path, backing: faultfs.backing, close: () => faultfs.unmount() };
}

const failing = faultPart(
  'faults/failing',
  'a device’s error reaches the request that met it, as the system calls it, and no other',
  noFaultfs,
  async (directory) => ({
    ...(await mounted(directory)),
    surroundings: ({ scene }) => (scene === 'signals' ? { signalEveryMs: 1 } : undefined),
  }),
);

const hanging = faultPart(
  'faults/hanging',
  'requests that a file system never answers block nobody else, and end when it answers',
  noFaultfs,
  mounted,
  true, // because releasing what hangs cannot be undone
);

const FILE_BYTES_MAX = 1 << 20;

const limits = faultPart(
  'faults/limits',
  'at the limits of a process (file size, descriptors) requests fail with the right error or wait, and go on after',
  () => false,
  (directory) => ({
    faulty: directory,
    surroundings: ({ scene }) =>
      scene === 'fileSize'
        ? // In blocks of 512 bytes. Node leaves SIGXFSZ alone, so the shell has it ignored.
          { limits: `trap '' XFSZ && ulimit -f ${FILE_BYTES_MAX / 512}`, detail: String(FILE_BYTES_MAX) }
        : { limits: 'ulimit -n 80' },
    close() {},
  }),
);

const processes = faultPart(
  'faults/processes',
  'where no thread can be made any more requests fail with the right error or wait, and go on after',
  () => {
    const group = processGroup();
    if (group === null) return 'no control group for processes can be made here';
    fs.rmdirSync(group);
    return false;
  },
  (directory) => {
    const group = processGroup()!;
    return {
      faulty: directory,
      surroundings: () => ({ limits: `echo $$ > ${group}/cgroup.procs`, detail: group }),
      close: () => fs.rmdirSync(group),
    };
  },
);

/** A cgroup that limits threads; null where there is none to be had. */
function processGroup(): string | null {
  for (const root of ['/sys/fs/cgroup/pids', '/sys/fs/cgroup']) {
    const group = join(root, `linux-aio-torture-${process.pid}-${Date.now()}`);
    try {
      fs.mkdirSync(group);
      if (fs.existsSync(join(group, 'pids.max'))) return group;
      fs.rmdirSync(group);
    } catch {
      // not here, or not allowed
    }
  }
  return null;
}

/** Without CAP_IPC_LOCK, which root has and which no limit binds. */
const LOCKABLE = [
  `ulimit -l ${LOCKED_BYTES_MAX / 1024}`,
  ...(process.getuid?.() === 0 ? ['set -- setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock "$@"'] : []),
].join(' && ');

const lockedMemory = faultPart(
  'faults/locked-memory',
  'where no memory can be locked any more transfers do without, a new ring is refused with the reason, and all goes on after',
  () => {
    const { status, stderr } = spawnSync('/bin/sh', ['-c', `${LOCKABLE} && exec "$@"`, 'sh', 'true']);
    return status !== 0 && `locked memory cannot be limited here: ${String(stderr).split('\n')[0]}`;
  },
  (directory) => ({ faulty: directory, surroundings: () => ({ limits: LOCKABLE }), close() {} }),
);

const aioMaxNr = faultPart(
  'faults/aio-max-nr',
  'where Linux AIO has nothing left to reserve a new ring on it is refused, and all others go on',
  () => {
    try {
      fs.writeFileSync(AIO_MAX_NR, fs.readFileSync(AIO_MAX_NR, 'latin1'));
      return false;
    } catch {
      return 'not root, or a read-only /proc';
    }
  },
  (directory) => {
    const before = fs.readFileSync(AIO_MAX_NR, 'latin1');
    // A case puts it back itself, unless it is killed.
    return { faulty: directory, close: () => fs.writeFileSync(AIO_MAX_NR, before) };
  },
);

function full(name: FaultPart, kind: DiskKind): Part {
  return faultPart(
    name,
    'a full disk or quota answers with its error or a short write; what was written is there, and with room again it goes on',
    () => cannotMount(kind),
    (directory) => {
      const { path, close } = mountDisk(kind, directory);
      return { faulty: path, close };
    },
  );
}

export const faults: readonly Part[] = [
  failing,
  hanging,
  limits,
  processes,
  lockedMemory,
  aioMaxNr,
  full('faults/full-ext4', 'ext4'),
  full('faults/full-xfs', 'xfs'),
  full('faults/full-tmpfs', 'tmpfs'),
  full('faults/quota', 'btrfs'),
];
