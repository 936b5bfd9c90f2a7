// What doctor() reads of the machine, from made-up /proc and /sys trees.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { capabilitiesOf, gatherFacts, resourceLimit, seccompOf } from '#dist/doctor/facts.js';

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max open files            1024                 524288               files
Max locked memory         65536                unlimited            bytes
`;

const roots: string[] = [];

/** A directory with these files in place of `/`. */
function tree(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'aio-facts-'));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const gather = (files: Record<string, string>, env: NodeJS.ProcessEnv = {}) =>
  gatherFacts({ root: tree(files), env });

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

describe('gatherFacts', () => {
  it('does not throw without /proc: unknown is -1, null or "unknown"', () => {
    const { limits, seccomp, container, capabilities } = gather({});
    assert.deepEqual(limits, {
      aioNr: -1,
      aioMaxNr: -1,
      ioUringDisabled: null,
      ioUringGroup: null,
      memlock: -1,
      openFiles: -1,
      openFilesHard: -1,
      openFilesUsed: -1,
      memoryCgroup: -1,
      uvThreads: 4,
    });
    assert.deepEqual(
      { seccomp, container, capabilities },
      { seccomp: 'unknown', container: null, capabilities: null },
    );
  });

  it('does not throw on files with nonsense in them', () => {
    const { limits } = gather({
      'proc/self/limits': 'Max locked memory',
      'proc/sys/fs/aio-nr': 'many\n',
      'proc/self/cgroup': 'nonsense\n',
      'proc/self/status': '',
    });
    assert.equal(limits.memlock, -1);
    assert.equal(limits.aioNr, -1);
  });

  it('reads the limits', () => {
    const { limits } = gather({
      'proc/self/limits': LIMITS,
      'proc/sys/fs/aio-nr': '129024\n',
      'proc/sys/fs/aio-max-nr': '65536\n',
      'proc/sys/kernel/io_uring_disabled': '1\n',
      'proc/sys/kernel/io_uring_group': '-1\n',
    });
    assert.equal(limits.memlock, 65536);
    assert.equal(limits.openFiles, 1024);
    assert.equal(limits.openFilesHard, 524288);
    assert.equal(limits.aioNr, 129024);
    assert.equal(limits.aioMaxNr, 65536);
    assert.equal(limits.ioUringDisabled, 1);
    assert.equal(limits.ioUringGroup, -1);
  });

  it("reads the memory limit of the process's own control group, version 2", () => {
    const files = { 'proc/self/cgroup': '0::/app/web\n', 'sys/fs/cgroup/app/web/memory.max': '268435456\n' };
    assert.equal(gather(files).limits.memoryCgroup, 268435456);
  });

  it('finds the memory limit in a container, where the path is that of the host', () => {
    const files = { 'proc/self/cgroup': '0::/docker/0123\n', 'sys/fs/cgroup/memory.max': 'max\n' };
    assert.equal(gather(files).limits.memoryCgroup, Infinity);
  });

  it('reads the memory limit of version 1, and its way to say none', () => {
    const files = {
      'proc/self/cgroup': '9:name=systemd:/\n4:memory:/app\n0::/\n',
      'sys/fs/cgroup/memory/app/memory.limit_in_bytes': '9223372036854771712\n',
    };
    assert.equal(gather(files).limits.memoryCgroup, Infinity);
  });

  it('recognises containers by their signs', () => {
    assert.equal(gather({ '.dockerenv': '' }).container, 'docker');
    assert.equal(gather({ 'run/.containerenv': '' }).container, 'podman');
    assert.equal(gather({ 'run/systemd/container': 'lxc\n' }).container, 'lxc');
    assert.equal(
      gather({ '.dockerenv': '' }, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }).container,
      'kubernetes',
    );
    assert.equal(gather({ 'proc/1/cgroup': '0::/kubepods/besteffort/pod1\n' }).container, 'kubernetes');
  });

  it("knows the bounds of libuv's pool", () => {
    const threads = (size: string) => gather({}, { UV_THREADPOOL_SIZE: size }).limits.uvThreads;
    assert.equal(threads('16'), 16);
    assert.equal(threads('0'), 1);
    assert.equal(threads('9999'), 1024);
    assert.equal(threads('many'), 1);
  });

  it('takes an empty LINUX_AIO_ENGINE for none', () => {
    assert.equal(gather({}, { LINUX_AIO_ENGINE: '' }).engineWanted, null);
    assert.equal(gather({}, { LINUX_AIO_ENGINE: 'threads' }).engineWanted, 'threads');
  });
});

describe('resourceLimit', () => {
  it('is -1 for a limit that is not listed', () => {
    assert.deepEqual(resourceLimit(LIMITS, 'Max realtime timeout'), { soft: -1, hard: -1 });
    assert.deepEqual(resourceLimit(null, 'Max open files'), { soft: -1, hard: -1 });
  });

  it('is Infinity for unlimited', () => {
    assert.deepEqual(resourceLimit(LIMITS, 'Max locked memory'), { soft: 65536, hard: Infinity });
  });
});

describe('seccompOf', () => {
  it('tells the three modes from unknown', () => {
    assert.equal(seccompOf('Name:\tnode\nSeccomp:\t0\nSeccomp_filters:\t0\n'), 'off');
    assert.equal(seccompOf('Seccomp:\t1\n'), 'strict');
    assert.equal(seccompOf('Seccomp:\t2\nSeccomp_filters:\t1\n'), 'filter');
    assert.equal(seccompOf('Name:\tnode\n'), 'unknown');
    assert.equal(seccompOf(null), 'unknown');
  });
});

describe('capabilitiesOf', () => {
  const status = 'CapPrm:\t000001ffffffffff\nCapEff:\t0000000000204000\n';

  it('is unknown without a mask', () => {
    assert.equal(capabilitiesOf(null, null), null);
    assert.equal(capabilitiesOf('CapEff:\tmany\n', null), null);
  });

  it('reads the effective mask', () => {
    assert.equal(capabilitiesOf(status, '         0          0 4294967295\n'), 0x204000n);
  });

  it('counts for nothing in a user namespace', () => {
    assert.equal(capabilitiesOf(status, '         0       1000          1\n'), 0n);
  });
});
