// Why io_uring may be refused, and what to do: one rule for each combination of error and evidence. The table is
// that of the kernel's own reasons: EPERM, ENOSYS, EINVAL, ENOMEM. See advice.ts for how the texts are written.
import {
  alsoFiltered,
  disabledForAll,
  disabledForUs,
  ENGINE_SINCE,
  IO_URING_SINCE,
  instead,
  isKubernetes,
  kernelBefore,
  memlockCounts,
  onLinux,
  refused,
} from './conditions.js';
import type { Rule } from './rule.js';

const SYSTEM_CALLS = 'io_uring_setup, io_uring_enter and io_uring_register';

export const IO_URING_RULES: readonly Rule[] = [
  // EPERM: the switch, then the filter, then whatever else there is.
  {
    id: 'eperm-disabled-for-all',
    level: 'warn',
    when: (f) => refused(f, 'EPERM') && disabledForAll(f),
    text: (f) =>
      `io_uring: disabled by kernel.io_uring_disabled=2 (no process may use it).${instead(f)}` +
      `${alsoFiltered(f)} To allow it, on the host:`,
    command: () => 'sysctl -w kernel.io_uring_disabled=0',
  },
  {
    id: 'eperm-not-in-group',
    level: 'warn',
    when: (f) => refused(f, 'EPERM') && disabledForUs(f) && (f.limits.ioUringGroup ?? -1) >= 0,
    text: (f) =>
      `io_uring: kernel.io_uring_disabled=1 and this process is not in group ${f.limits.ioUringGroup} ` +
      `(kernel.io_uring_group).${instead(f)}${alsoFiltered(f)} Add the user to that group on the host, then log in ` +
      'again:',
    command: (f) => `usermod -aG "$(getent group ${f.limits.ioUringGroup} | cut -d: -f1)" "$USER"`,
  },
  {
    id: 'eperm-no-group',
    level: 'warn',
    when: (f) => refused(f, 'EPERM') && disabledForUs(f) && (f.limits.ioUringGroup ?? -1) < 0,
    text: (f) =>
      `io_uring: kernel.io_uring_disabled=1 and kernel.io_uring_group names no group, so only CAP_SYS_ADMIN may ` +
      `use it.${instead(f)}${alsoFiltered(f)} To allow it for one group, on the host (GID is the group's number):`,
    command: () => 'sysctl -w kernel.io_uring_group=GID',
  },
  {
    id: 'eperm-seccomp',
    level: 'warn',
    when: (f) =>
      refused(f, 'EPERM') &&
      !disabledForAll(f) &&
      !disabledForUs(f) &&
      f.seccomp === 'filter' &&
      !isKubernetes(f),
    text: (f) =>
      'io_uring: blocked by a seccomp filter, most likely: one is active, and the kernel itself allows io_uring ' +
      `(Docker ≥ 25 blocks it by default).${instead(f)} To allow it, run the container with a profile that adds ` +
      `${SYSTEM_CALLS}:`,
    command: () => '--security-opt seccomp=profile.json',
  },
  {
    id: 'eperm-seccomp-kubernetes',
    level: 'warn',
    when: (f) =>
      refused(f, 'EPERM') &&
      !disabledForAll(f) &&
      !disabledForUs(f) &&
      f.seccomp === 'filter' &&
      isKubernetes(f),
    text: (f) =>
      'io_uring: blocked by a seccomp filter, most likely: one is active, and the kernel itself allows io_uring ' +
      `(Kubernetes' RuntimeDefault profile blocks it).${instead(f)} To allow it, put a profile that adds ` +
      `${SYSTEM_CALLS} on the node and name it in the pod's securityContext:`,
    command: () => 'seccompProfile: { type: Localhost, localhostProfile: profile.json }',
  },
  {
    id: 'eperm-unexplained',
    level: 'warn',
    when: (f) => refused(f, 'EPERM') && !disabledForAll(f) && !disabledForUs(f) && f.seccomp !== 'filter',
    text: (f) =>
      `io_uring: refused with EPERM, and neither kernel.io_uring_disabled ` +
      `(${f.limits.ioUringDisabled ?? 'not on this kernel'}) nor seccomp (${f.seccomp}) explains it. Security ` +
      `modules (SELinux, AppArmor) and hardened kernels can do this; the kernel's log may say more.${instead(f)}`,
    command: () => 'journalctl -k --grep "denied|io_uring"',
  },

  // ENOSYS
  {
    id: 'enosys-old-kernel',
    level: 'warn',
    when: (f) => onLinux(f) && refused(f, 'ENOSYS') && kernelBefore(f.kernel, IO_URING_SINCE),
    text: (f) =>
      `io_uring: not available on kernel ${f.kernel} (it came with Linux ${IO_URING_SINCE.join('.')}; sandboxes ` +
      `like gVisor and WSL 1 show an old kernel too).${instead(f)}`,
  },
  {
    id: 'enosys-filtered',
    level: 'warn',
    when: (f) => refused(f, 'ENOSYS') && !kernelBefore(f.kernel, IO_URING_SINCE) && f.seccomp !== 'off',
    text: (f) =>
      `io_uring: ENOSYS on kernel ${f.kernel}: a seccomp profile that hides it (Podman's default does), or a ` +
      `kernel built without CONFIG_IO_URING.${instead(f)} With a profile of your own that adds ${SYSTEM_CALLS}:`,
    command: () => '--security-opt seccomp=profile.json',
  },
  {
    id: 'enosys-not-built-in',
    level: 'warn',
    when: (f) =>
      onLinux(f) && refused(f, 'ENOSYS') && !kernelBefore(f.kernel, IO_URING_SINCE) && f.seccomp === 'off',
    text: (f) =>
      `io_uring: ENOSYS on kernel ${f.kernel} without a seccomp filter: the kernel was built without ` +
      `CONFIG_IO_URING, or a sandbox answers in its place.${instead(f)}`,
  },

  {
    id: 'einval',
    level: 'warn',
    when: (f) => refused(f, 'EINVAL'),
    text: (f) =>
      kernelBefore(f.kernel, ENGINE_SINCE)
        ? `io_uring: that of kernel ${f.kernel} is too old for this package (needs ${ENGINE_SINCE.join('.')}).${instead(f)}`
        : `io_uring: kernel ${f.kernel} refuses every way to set up a ring (EINVAL).${instead(f)}`,
  },

  // ENOMEM
  {
    id: 'enomem-memlock',
    level: 'warn',
    when: (f) => refused(f, 'ENOMEM') && memlockCounts(f),
    text: (f) =>
      `io_uring: ENOMEM even for a ring of 8 entries; the locked-memory limit is ${f.limits.memlock} bytes, and ` +
      `all processes of this user share it.${instead(f)} Raise it: ulimit -l, LimitMEMLOCK= in the systemd unit, ` +
      '--ulimit memlock=… for a container:',
    command: () => 'ulimit -l 8192',
  },
  {
    id: 'enomem-cgroup',
    level: 'warn',
    when: (f) => refused(f, 'ENOMEM') && !memlockCounts(f) && f.limits.memoryCgroup !== Infinity,
    text: (f) =>
      `io_uring: ENOMEM though the locked-memory limit does not apply: the memory limit of the control group` +
      `${f.limits.memoryCgroup >= 0 ? ` (${f.limits.memoryCgroup} bytes)` : ''} is the likely cause.${instead(f)}`,
  },
  {
    id: 'enomem-unexplained',
    level: 'warn',
    when: (f) => refused(f, 'ENOMEM') && !memlockCounts(f) && f.limits.memoryCgroup === Infinity,
    text: (f) =>
      'io_uring: ENOMEM though neither the locked-memory limit nor a control group limits memory: the machine is ' +
      `short of it.${instead(f)}`,
    command: () => 'free -m',
  },
];
