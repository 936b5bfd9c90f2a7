// Faults, real ones: full disks, limits, a file system that fails, stalls and lies short (faultfs.c). Each is tried
// through every door on every engine, in a process of its own (faults-case.ts): the right error reaches the right
// caller, work elsewhere goes on meanwhile, and afterwards no descriptor, slot or buffer is left.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DOORS } from './doors.js';
import { FaultFs, noFaultfs } from './faultfs.js';
import type { Case } from './faults-case.js';
import type { Counts, Part, Place, Trial } from './part.js';

const caseProgram = fileURLToPath(new URL('faults-case.js', import.meta.url));
const HANG_MS = 60_000;

interface Surroundings {
  /** a shell command that runs before, in the same process */
  limits?: string;
  /** ms between signals sent to it */
  signalEveryMs?: number;
}

async function tryCase(place: Place, own: Case, surroundings: Surroundings = {}): Promise<number> {
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
  const what = `${own.fault} ${own.detail ?? ''} through ${own.door} on ${place.engine}`;
  assert.equal(code, 0, `${what}: ${signal === 'SIGKILL' ? 'it hangs' : signal} ${stderr}`);
  return (JSON.parse(stdout.trim().split('\n').at(-1)!) as { checked: number }).checked;
}

/** What a part tries, one case in a round: each fault through each door, in turn. */
export type Faults = readonly (readonly [
  fault: Case['fault'],
  detail?: string,
  surroundings?: Surroundings,
])[];

async function tryOne(
  place: Place,
  faults: Faults,
  seed: number,
  where: Omit<Case, 'fault' | 'door' | 'detail'>,
): Promise<Counts> {
  const door = DOORS[seed % DOORS.length];
  const [fault, detail, surroundings] = faults[Math.floor(seed / DOORS.length) % faults.length];
  if (fault === 'open' && (door === 'ring' || door === 'posix')) return { cases: 0 }; // they are given descriptors
  place.note(`${fault} ${detail ?? ''} through ${door}`);
  const checked = await tryCase(place, { fault, door, detail, ...where }, surroundings);
  return { cases: 1, 'results checked': checked, 'wrong, lost or leaked': 0 };
}

const healthyIn = (directory: string): string => {
  const healthy = join(directory, 'healthy');
  fs.mkdirSync(healthy, { recursive: true });
  return healthy;
};

export function faultPart(
  name: string,
  promise: string,
  kinds: number,
  unavailable: () => string | false,
  start: (
    place: Place,
  ) => Promise<{ faults: Faults; faulty: string; backing?: string; close(): Promise<void> | void }>,
): Part {
  return {
    name,
    promise,
    rounds: { sample: 1, full: 5 * DOORS.length * kinds },
    engines: 'each',
    unavailable,
    async open(place): Promise<Trial> {
      const { faults, faulty, backing, close } = await start(place);
      const healthy = healthyIn(place.directory);
      return {
        round: (_random, seed): Promise<Counts> => tryOne(place, faults, seed, { faulty, backing, healthy }),
        close,
      };
    },
  };
}

const IN_FUSE: Faults = [
  // Not EAGAIN: io_uring takes it from a file system for "not now", and asks again for ever.
  ...['EIO', 'ESTALE', 'ETIMEDOUT', 'EINTR'].map((name) => ['read', name] as const),
  ...['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG'].map((name) => ['write', name] as const),
  ...['EIO', 'ENOSPC'].map((name) => ['fsync', name] as const),
  ...['EACCES', 'EMFILE', 'ENFILE', 'EIO'].map((name) => ['open', name] as const),
  ['limit', 'ENOSPC'],
  ['limit', 'EDQUOT'],
  ['limit', 'EFBIG'],
  ['shortRead', '100'],
  ['shortRead', '1'],
  ['slow', '30'],
  ['signals', undefined, { signalEveryMs: 1 }],
];

/** Mounted anew for each case, because releasing what hangs cannot be undone. */
const hanging: Part = {
  name: 'faults/hanging',
  promise: 'reads that a file system never answers block nobody else, and end when it answers',
  rounds: { sample: 1, full: 5 * DOORS.length },
  engines: 'each',
  unavailable: noFaultfs,
  open(place): Trial {
    const healthy = healthyIn(place.directory);
    return {
      async round(_random, seed): Promise<Counts> {
        const directory = join(place.directory, String(seed));
        const { path: faulty, backing, ...faultfs } = await mounted(directory);
        try {
          return await tryOne(place, [['hang']], seed, { faulty, backing, healthy });
        } finally {
          await faultfs.close();
        }
      },
    };
  },
};

async function mounted(directory: string) {
  fs.mkdirSync(directory, { recursive: true });
  const faultfs = await FaultFs.mount(directory);
  return { path: faultfs.path, backing: faultfs.backing, close: () => faultfs.unmount() };
}

const failing = faultPart(
  'faults/failing',
  'a device’s error reaches the request that met it, as the system calls it, and no other',
  IN_FUSE.length,
  noFaultfs,
  async ({ directory }) => {
    const { path: faulty, backing, close } = await mounted(directory);
    return { faults: IN_FUSE, faulty, backing, close };
  },
);

const limits = faultPart(
  'faults/limits',
  'at the limits of a process (file size, descriptors, threads) requests fail with the right error or wait, and go on after',
  3,
  () => false,
  async ({ directory }) => {
    const pids = processGroup();
    const fileSize = 1 << 20;
    const faults: Faults = [
      // In blocks of 512 bytes. Node leaves SIGXFSZ alone, so the shell has it ignored.
      ['fileSize', String(fileSize), { limits: `trap '' XFSZ && ulimit -f ${fileSize / 512}` }],
      ['descriptors', undefined, { limits: 'ulimit -n 80' }],
      ...(pids === null ? [] : [['processes', pids, { limits: `echo $$ > ${pids}/cgroup.procs` }] as const]),
    ];
    return { faults, faulty: directory, close: () => removeGroup(pids) };
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

function removeGroup(group: string | null): void {
  if (group !== null) fs.rmdirSync(group);
}

/** Small file systems, each almost full from the start so that little has to be written. */
const DISKS = {
  ext4: { bytes: 16 << 20, make: ['mkfs.ext4', '-q', '-m', '0'] },
  xfs: { bytes: 300 << 20, make: ['mkfs.xfs', '-q'] },
  tmpfs: { bytes: 4 << 20, make: null },
} as const;
const LEFT_BYTES = 3 << 20;

function fullDisk(kind: keyof typeof DISKS): Part {
  return faultPart(
    `faults/full-${kind}`,
    'a full disk answers ENOSPC or a short write; what was written is there, and with room again it goes on',
    1,
    () => cannotMount(kind),
    async ({ directory }) => {
      const faulty = join(directory, kind);
      fs.mkdirSync(faulty);
      mountDisk(kind, directory, faulty);
      return { faults: [['full']], faulty, close: () => void execFileSync('umount', ['-l', faulty]) };
    },
  );
}

function mountDisk(kind: keyof typeof DISKS, directory: string, faulty: string): void {
  const { bytes, make } = DISKS[kind];
  if (make === null) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', faulty], { stdio: 'pipe' });
    return;
  }
  const image = join(directory, `${kind}.img`);
  fs.closeSync(fs.openSync(image, 'w'));
  fs.truncateSync(image, bytes);
  const [program, ...args] = make;
  execFileSync(program, [...args, image], {
    stdio: 'pipe',
    env: { ...process.env, PATH: `${process.env['PATH']}:/sbin:/usr/sbin` },
  });
  execFileSync('mount', ['-o', 'loop', image, faulty], { stdio: 'pipe' });
  const { bavail, bsize } = fs.statfsSync(faulty);
  const ballast = bavail * bsize - LEFT_BYTES;
  if (ballast > 0)
    execFileSync('fallocate', ['-l', String(ballast), join(faulty, 'ballast')], { stdio: 'pipe' });
}

const mountable = new Map<string, string | false>();

/** Why such a file system cannot be mounted here; false where it can. */
function cannotMount(kind: keyof typeof DISKS): string | false {
  if (!mountable.has(kind)) mountable.set(kind, tryMount(kind));
  return mountable.get(kind)!;
}

function tryMount(kind: keyof typeof DISKS): string | false {
  if (process.getuid?.() !== 0) return 'only root mounts file systems';
  const directory = fs.mkdtempSync('/tmp/linux-aio-');
  const faulty = join(directory, 'mounted');
  fs.mkdirSync(faulty);
  try {
    mountDisk(kind, directory, faulty);
    execFileSync('umount', ['-l', faulty]);
    return false;
  } catch (error) {
    return `no ${kind} can be mounted here: ${(error as Error).message.split('\n')[0]}`;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

export const faults: readonly Part[] = [
  failing,
  hanging,
  limits,
  fullDisk('ext4'),
  fullDisk('xfs'),
  fullDisk('tmpfs'),
];
