// The structs and constants that native/*.c declares for itself (older headers lack them), against the kernel's
// header: the C files are compiled into the program of checks. And the control block, which C and TypeScript share.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { CTL } from '../support/internals.js';
import { packageRoot } from '../support/program.js';
import { type Check, differences, headerMissing } from './header.js';

const skip = headerMissing();
const native = join(packageRoot, 'native');
const nodeHeaders: string = createRequire(import.meta.url)('node-api-headers').include_dir;
// The functions, which need Node's symbols, are dropped: only main is linked.
const drop = ['-O1', '-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections'];
const flags = ['-I', nodeHeaders, '-I', native, ...drop];

function same(struct: string, ours: string, fields: Readonly<Record<string, string>>): Check[] {
  const size = {
    name: `sizeof ${struct}`,
    ours: `sizeof(struct ${ours})`,
    theirs: `sizeof(struct ${struct})`,
  };
  const offsets = Object.entries(fields).map(([field, theirs]) => ({
    name: `${struct} ${theirs}`,
    ours: `offsetof(struct ${ours}, ${field})`,
    theirs: `offsetof(struct ${struct}, ${theirs})`,
  }));
  return [size, ...offsets];
}

function constants(names: Readonly<Record<string, string>>): Check[] {
  return Object.entries(names).map(([ours, theirs]) => ({ name: ours, ours, theirs }));
}

/** The names in the enums of a C file that stand for numbers of the kernel. */
function enumNames(file: string): string[] {
  const text = readFileSync(join(native, file), 'utf8');
  return [...text.matchAll(/^enum \{([^}]*)\}/gm)].flatMap(
    (found) => found[1].match(/[A-Z][A-Z_]+(?= =)/g) ?? [],
  );
}

function included(file: string): string {
  return `#include "${join(native, file)}"`;
}

describe('native/ against the kernel header', { skip }, () => {
  test('uring.c: constants', (t) => {
    const names: Record<string, string> = {};
    for (const name of enumNames('uring.c')) {
      if (name.startsWith('NR_')) names[name] = `__NR_io_uring_${name.slice(3).toLowerCase()}`;
      else if (name === 'OFF_RING') names[name] = 'IORING_OFF_SQ_RING';
      else if (name.startsWith('CANCEL_')) names[name] = `IORING_ASYNC_${name}`;
      else names[name] = `IORING_${name}`;
    }
    assert.ok(Object.keys(names).length >= 18, `only ${Object.keys(names)} found`);
    assert.deepEqual(differences(t, constants(names), included('uring.c'), flags), []);
  });

  test('uring.c: struct layouts', (t) => {
    const offsets = (prefix: string, fields: string) =>
      Object.fromEntries(fields.split(' ').map((field) => [`${prefix}.${field}`, `${prefix}_off.${field}`]));
    const plain = (fields: string) => Object.fromEntries(fields.split(' ').map((field) => [field, field]));
    const checks = [
      ...same('io_uring_params', 'params', {
        ...plain('sq_entries cq_entries flags sq_thread_cpu sq_thread_idle features wq_fd resv'),
        ...offsets('sq', 'head tail ring_mask ring_entries flags dropped array'),
        ...offsets('cq', 'head tail ring_mask ring_entries overflow cqes flags'),
      }),
      ...same('io_uring_getevents_arg', 'getevents_arg', {
        sigmask: 'sigmask',
        sigmask_size: 'sigmask_sz',
        timeout: 'ts',
      }),
      ...same('io_uring_sync_cancel_reg', 'sync_cancel', plain('addr fd flags timeout')),
      ...same('io_uring_rsrc_update', 'rsrc_update', plain('offset data')),
      ...same('__kernel_timespec', 'timespec64', { sec: 'tv_sec', nsec: 'tv_nsec' }),
      // uring_map() computes sizes with these.
      { name: 'submission entry', ours: 64, theirs: 'sizeof(struct io_uring_sqe)' },
      { name: 'completion entry', ours: 16, theirs: 'sizeof(struct io_uring_cqe)' },
    ];
    assert.deepEqual(differences(t, checks, included('uring.c'), flags), []);
  });

  test('queues.c: constants', (t) => {
    const names = Object.fromEntries(
      enumNames('queues.c')
        .filter((name) => /^(SQ|ENTER)_/.test(name))
        .map((name) => [name, `IORING_${name}`]),
    );
    assert.deepEqual(Object.keys(names).sort(), ['ENTER_GETEVENTS', 'SQ_CQ_OVERFLOW', 'SQ_TASKRUN']);
    assert.deepEqual(differences(t, constants(names), included('queues.c'), flags), []);
  });

  test('fds.c: constants', (t) => {
    // linux/kcmp.h has an enumerator of the same name as the one in fds.c, which is renamed here.
    const prologue = `#define KCMP_FILE OUR_KCMP_FILE\n${included('fds.c')}\n#undef KCMP_FILE\n`;
    const checks = constants({ DUPFD_QUERY: 'F_DUPFD_QUERY', OUR_KCMP_FILE: 'KCMP_FILE' });
    assert.deepEqual(differences(t, checks, prologue, flags), []);
  });
});

test('the control block has the same indices in native/ring.h and in src/abi/native.ts', () => {
  const text = readFileSync(join(native, 'ring.h'), 'utf8');
  const block = /enum \{\n( {2}CTL_[^}]*)\}/.exec(text)?.[1] ?? '';
  const names = [...block.matchAll(/^ {2}CTL_(\w+),/gm)].map((found) => found[1]);
  assert.deepEqual(Object.keys(CTL), names);
  assert.deepEqual(
    Object.values(CTL),
    names.map((_, index) => index),
  );
});
