// Every rule of advice, with made-up facts: when it speaks, when it is silent, and what it must never say.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { advise, RULES } from '#dist/doctor/advice.js';
import type { Changes } from './facts-of.js';
import { factsWith, refusedWith, WORKS } from './facts-of.js';

const EPERM = refusedWith('EPERM');
const ENOSYS = refusedWith('ENOSYS');
const ENOMEM = refusedWith('ENOMEM');
const ALL_CAPABILITIES = 0x1ffffffffffn;

/** Which rules speak on a machine with these changes. */
function rulesFor(changes: Changes): string[] {
  const facts = factsWith(changes);
  return RULES.filter((rule) => rule.when(facts)).map((rule) => rule.id);
}

function textsFor(changes: Changes): string {
  return advise(factsWith(changes))
    .map(({ text, command }) => `${text} ${command ?? ''}`)
    .join('\n');
}

/** A machine for each rule, on which that rule speaks and no other. */
const CASES: Record<string, Changes> = {
  platform: { io_uring: refusedWith('X'), facts: { platform: 'darwin' } },
  addon: { io_uring: refusedWith('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', 'no addon for linux-s390x') },
  'eperm-disabled-for-all': { io_uring: EPERM, limits: { ioUringDisabled: 2 } },
  'eperm-not-in-group': { io_uring: EPERM, limits: { ioUringDisabled: 1, ioUringGroup: 985 } },
  'eperm-no-group': { io_uring: EPERM, limits: { ioUringDisabled: 1, ioUringGroup: -1 } },
  'eperm-seccomp': { io_uring: EPERM, facts: { seccomp: 'filter', container: 'docker' } },
  'eperm-seccomp-kubernetes': { io_uring: EPERM, facts: { seccomp: 'filter', container: 'kubernetes' } },
  'eperm-unexplained': { io_uring: EPERM },
  'enosys-old-kernel': { io_uring: ENOSYS, facts: { kernel: '4.19.0-27-amd64' } },
  'enosys-filtered': { io_uring: ENOSYS, facts: { seccomp: 'filter', container: 'podman' } },
  'enosys-not-built-in': { io_uring: ENOSYS },
  einval: { io_uring: refusedWith('EINVAL'), facts: { kernel: '5.4.0' } },
  'enomem-memlock': { io_uring: ENOMEM, limits: { memlock: 0 } },
  'enomem-cgroup': { io_uring: ENOMEM, limits: { memlock: Infinity, memoryCgroup: 64 * 1024 * 1024 } },
  'enomem-unexplained': { io_uring: ENOMEM, limits: { memlock: Infinity } },
  'memlock-small': { limits: { memlock: 65536 } },
  emfile: { io_uring: refusedWith('EMFILE'), limits: { openFiles: 20, openFilesUsed: 20 } },
  enfile: { threads: refusedWith('ENFILE') },
  'open-files-few': { limits: { openFiles: 256, openFilesUsed: 200 } },
  'aio-max-nr': { native: refusedWith('EAGAIN'), limits: { aioNr: 65530 } },
  'aio-nr-high': { limits: { aioNr: 65530 } },
  'native-refused': { native: refusedWith('EPERM') },
  'threads-refused': { threads: refusedWith('EAGAIN') },
  'engine-unknown': { facts: { engineWanted: 'iouring' } },
  'engine-forced-in-vain': {
    native: refusedWith('X'),
    facts: { engineWanted: 'native', chosen: 'native' },
  },
  'engine-forced': { facts: { engineWanted: 'threads', chosen: 'threads' } },
  'io-uring-unforeseen': { io_uring: refusedWith('EIO', 'EIO: a no-op did not complete') },
  'nothing-works': {
    io_uring: { available: false, operations: [] },
    native: { available: false, operations: [] },
    threads: { available: false, operations: [] },
  },
};

describe('advice', () => {
  it('is empty on a machine on which all is well', () => {
    assert.deepEqual(rulesFor({}), []);
  });

  it('has a case here for every rule', () => {
    assert.deepEqual(Object.keys(CASES).sort(), RULES.map((rule) => rule.id).sort());
  });

  for (const [id, changes] of Object.entries(CASES)) {
    it(`${id} speaks where it applies, and alone`, () => {
      // Where nothing works, that an engine was refused for an unknown reason is said as well.
      const others = id === 'nothing-works' ? ['io-uring-unforeseen'] : [];
      assert.deepEqual(rulesFor(changes), [...others, id]);
    });
  }

  it('never suggests to run unconfined or privileged', () => {
    for (const changes of Object.values(CASES)) {
      assert.doesNotMatch(textsFor(changes), /unconfined|privileged/);
    }
  });

  it('is one line each, and ends in a colon only before a command', () => {
    for (const changes of Object.values(CASES)) {
      for (const { text, command } of advise(factsWith(changes))) {
        assert.doesNotMatch(text, /\n|undefined|NaN|null/);
        if (text.endsWith(':')) assert.notEqual(command, undefined, text);
      }
    }
  });
});

describe('advice on EPERM', () => {
  it('does not blame the switch where the switch allows io_uring', () => {
    const text = textsFor({ io_uring: EPERM, facts: { seccomp: 'filter' } });
    assert.doesNotMatch(text, /io_uring_disabled=/);
    assert.match(text, /io_uring_setup, io_uring_enter and io_uring_register/);
  });

  it('does not blame seccomp alone where the switch forbids io_uring', () => {
    const changes: Changes = {
      io_uring: EPERM,
      limits: { ioUringDisabled: 2 },
      facts: { seccomp: 'filter' },
    };
    assert.deepEqual(rulesFor(changes), ['eperm-disabled-for-all']);
    assert.match(textsFor(changes), /seccomp filter is active too/);
  });

  it('takes a kernel without the switch for one that allows io_uring', () => {
    const changes: Changes = {
      io_uring: EPERM,
      limits: { ioUringDisabled: null },
      facts: { seccomp: 'filter' },
    };
    assert.deepEqual(rulesFor(changes), ['eperm-seccomp']);
  });

  it('knows that membership in the group, or CAP_SYS_ADMIN, lifts the switch', () => {
    const limits = { ioUringDisabled: 1, ioUringGroup: 985 };
    const member: Changes = { io_uring: EPERM, limits, facts: { groups: [985] } };
    const admin: Changes = { io_uring: EPERM, limits, facts: { capabilities: ALL_CAPABILITIES } };
    assert.deepEqual(rulesFor(member), ['eperm-unexplained']);
    assert.deepEqual(rulesFor(admin), ['eperm-unexplained']);
  });

  it('names the engine used instead, and none where there is none', () => {
    const limits = { ioUringDisabled: 2 };
    assert.match(textsFor({ io_uring: EPERM, limits }), /Using the threads engine/);
    const none: Changes = { io_uring: EPERM, threads: refusedWith('X'), limits };
    assert.doesNotMatch(textsFor(none), /Using the/);
  });
});

describe('advice on ENOMEM', () => {
  it('does not blame the locked-memory limit where CAP_IPC_LOCK lifts it', () => {
    const changes: Changes = {
      io_uring: ENOMEM,
      limits: { memlock: 65536, memoryCgroup: 1e8 },
      facts: { capabilities: ALL_CAPABILITIES },
    };
    assert.deepEqual(rulesFor(changes), ['enomem-cgroup']);
  });

  it('blames the control group cautiously where its limit is unknown', () => {
    const changes: Changes = { io_uring: ENOMEM, limits: { memlock: Infinity, memoryCgroup: -1 } };
    assert.deepEqual(rulesFor(changes), ['enomem-cgroup']);
    assert.doesNotMatch(textsFor(changes), /-1/);
  });
});

describe('advice on Linux AIO', () => {
  it('does not mention the sysctl for an EAGAIN while slots are free', () => {
    assert.deepEqual(rulesFor({ native: refusedWith('EAGAIN'), limits: { aioNr: 100 } }), []);
  });

  it('copes with aio-nr above aio-max-nr, as old kernels show it', () => {
    assert.deepEqual(rulesFor({ limits: { aioNr: 129024 } }), ['aio-nr-high']);
  });

  it('says nothing about limits it does not know', () => {
    const limits = {
      aioNr: -1,
      aioMaxNr: -1,
      memlock: -1,
      openFiles: -1,
      openFilesUsed: -1,
      memoryCgroup: -1,
    };
    assert.deepEqual(rulesFor({ io_uring: WORKS, limits }), []);
  });
});
