// src/abi/ against the kernel's header: a wrong number here would make the kernel read or write somewhere else.
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { ioUring as abi, errnos } from '../support/internals.js';
import { type Check, differences, headerMissing } from './header.js';

const skip = headerMissing();

function constants(prefix: string, table: Readonly<Record<string, number>>): Check[] {
  return Object.entries(table).map(([name, ours]) => ({ name: prefix + name, ours, theirs: prefix + name }));
}

/** Word indices against the offsets of fields; a high word is 4 bytes after its low one. */
function words(
  struct: string,
  table: Readonly<Record<string, number>>,
  fields: Record<string, string>,
): Check[] {
  assert.deepEqual(Object.keys(fields), Object.keys(table), `every word of ${struct} is checked`);
  return Object.entries(table).map(([name, word]) => ({
    name: `${struct} ${name}`,
    ours: word * 4,
    theirs: `offsetof(struct ${struct}, ${fields[name]})${name.endsWith('_HI') ? ' + 4' : ''}`,
  }));
}

/** By exported name: how it is checked. A new export without a row here fails the first test. */
const CHECKS: Readonly<Record<keyof typeof abi, Check[]>> = {
  OP: constants('IORING_OP_', abi.OP),
  SETUP: constants('IORING_SETUP_', abi.SETUP),
  ENTER: constants('IORING_ENTER_', abi.ENTER),
  SQ: constants('IORING_SQ_', abi.SQ),
  SQE: constants('IOSQE_', abi.SQE),
  REGISTER: constants('IORING_REGISTER_', abi.REGISTER),
  FSYNC_DATASYNC: [{ name: 'FSYNC_DATASYNC', ours: abi.FSYNC_DATASYNC, theirs: 'IORING_FSYNC_DATASYNC' }],
  SQE_WORDS: [{ name: 'SQE_WORDS', ours: abi.SQE_WORDS * 4, theirs: 'sizeof(struct io_uring_sqe)' }],
  CQE_WORDS: [{ name: 'CQE_WORDS', ours: abi.CQE_WORDS * 4, theirs: 'sizeof(struct io_uring_cqe)' }],
  SQE_WORD: [
    ...words('io_uring_sqe', abi.SQE_WORD, {
      OP_FLAGS: 'opcode',
      FD: 'fd',
      OFF_LO: 'off',
      OFF_HI: 'off',
      ADDR_LO: 'addr',
      ADDR_HI: 'addr',
      LEN: 'len',
      OP_ARG: 'rw_flags',
      USER_LO: 'user_data',
      USER_HI: 'user_data',
      BUF_INDEX: 'buf_index',
      SPLICE_FD: 'splice_fd_in',
    }),
    // The unions the comments speak of, and what is packed into the first word.
    ...[
      ['flags', 1],
      ['ioprio', 2],
      ['addr2', 8],
      ['splice_off_in', 16],
      ...['fsync_flags', 'open_flags', 'statx_flags', 'poll32_events', 'accept_flags', 'msg_flags'].map(
        (f) => [f, 28],
      ),
      ...['cancel_flags', 'fadvise_advice', 'rename_flags', 'unlink_flags', 'hardlink_flags'].map((f) => [
        f,
        28,
      ]),
      ['splice_flags', 28],
      ['timeout_flags', 28],
      ['personality', 42],
    ].map(([field, ours]) => ({
      name: `io_uring_sqe ${field}`,
      ours,
      theirs: `offsetof(struct io_uring_sqe, ${field})`,
    })),
  ],
  CQE_WORD: words('io_uring_cqe', abi.CQE_WORD, {
    USER_LO: 'user_data',
    USER_HI: 'user_data',
    RES: 'res',
    FLAGS: 'flags',
  }),
  PARAMS_BYTES: [{ name: 'PARAMS_BYTES', ours: abi.PARAMS_BYTES, theirs: 'sizeof(struct io_uring_params)' }],
  PARAMS_WORD: words('io_uring_params', abi.PARAMS_WORD, {
    SQ_ENTRIES: 'sq_entries',
    CQ_ENTRIES: 'cq_entries',
    FLAGS: 'flags',
    SQ_THREAD_IDLE: 'sq_thread_idle',
    FEATURES: 'features',
    SQ_OFF_HEAD: 'sq_off.head',
    SQ_OFF_TAIL: 'sq_off.tail',
    SQ_OFF_RING_MASK: 'sq_off.ring_mask',
    SQ_OFF_FLAGS: 'sq_off.flags',
    SQ_OFF_ARRAY: 'sq_off.array',
    CQ_OFF_HEAD: 'cq_off.head',
    CQ_OFF_TAIL: 'cq_off.tail',
    CQ_OFF_RING_MASK: 'cq_off.ring_mask',
    CQ_OFF_CQES: 'cq_off.cqes',
  }),
  PROBE: [
    {
      name: 'PROBE.HEADER_BYTES',
      ours: abi.PROBE.HEADER_BYTES,
      theirs: 'offsetof(struct io_uring_probe, ops)',
    },
    { name: 'PROBE.OP_BYTES', ours: abi.PROBE.OP_BYTES, theirs: 'sizeof(struct io_uring_probe_op)' },
    { name: 'PROBE.SUPPORTED', ours: abi.PROBE.SUPPORTED, theirs: 'IO_URING_OP_SUPPORTED' },
    { name: 'PROBE flags', ours: 2, theirs: 'offsetof(struct io_uring_probe_op, flags)' },
  ],
  TRANSFER_BYTES_MAX: [
    { name: 'TRANSFER_BYTES_MAX', ours: abi.TRANSFER_BYTES_MAX, theirs: 'INT_MAX & ~4095' },
  ],
  AT_FDCWD: [{ name: 'AT_FDCWD', ours: abi.AT_FDCWD, theirs: 'AT_FDCWD' }],
  AT_EMPTY_PATH: [{ name: 'AT_EMPTY_PATH', ours: abi.AT_EMPTY_PATH, theirs: 'AT_EMPTY_PATH' }],
};

describe('src/abi against the kernel header', { skip }, () => {
  test('every number that src/abi/io_uring.ts exports is checked here', () => {
    assert.deepEqual(Object.keys(CHECKS).sort(), Object.keys(abi).sort());
  });

  test('opcodes, flags, offsets and sizes are the kernel’s', (t) => {
    assert.deepEqual(differences(t, Object.values(CHECKS).flat()), []);
  });

  test('error numbers are the kernel’s', (t) => {
    assert.deepEqual(differences(t, constants('', errnos.ERRNO)), []);
  });

  test('the checks see a wrong number and a wrong offset', (t) => {
    const wrong: Check[] = [
      { name: 'IORING_OP_READ', ours: 23, theirs: 'IORING_OP_READ' },
      { name: 'len', ours: 28, theirs: 'offsetof(struct io_uring_sqe, len)' },
    ];
    assert.deepEqual(differences(t, wrong), [
      'IORING_OP_READ: 23, the header says 22',
      'len: 28, the header says 24',
    ]);
  });
});
