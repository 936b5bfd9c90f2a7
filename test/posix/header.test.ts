// <aio.h>: what it declares.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aio } from '../support/posix.js';
import { temporaryDirectory } from '../support/temp.js';
import { covers } from './table.js';

covers('H1', 'a control block is an object of class aiocb or of its shape', () => {
  const cb = new aio.aiocb({ aio_fildes: 3 });
  assert.ok(cb instanceof aio.aiocb);
  assert.equal(cb.aio_fildes, 3);
  assert.equal(aio.aio_read({ aio_fildes: -1, aio_buf: null, aio_nbytes: 0 }), 0);
});

covers('H2', 'a new control block has every member, with the values of a zeroed one', () => {
  const cb = new aio.aiocb();
  const { aio_fildes, aio_offset, aio_buf, aio_nbytes, aio_reqprio, aio_sigevent, aio_lio_opcode } = cb;
  assert.deepEqual(
    { aio_fildes, aio_buf, aio_nbytes, aio_reqprio, aio_lio_opcode },
    { aio_fildes: 0, aio_buf: null, aio_nbytes: 0, aio_reqprio: 0, aio_lio_opcode: aio.LIO_READ },
  );
  assert.equal(Number(aio_offset), 0);
  // A zeroed sigevent in C is SIGEV_SIGNAL with signal 0, which means no notification; here it says so.
  assert.ok(!aio_sigevent || aio_sigevent.sigev_notify === aio.SIGEV_NONE);
});

covers('H2', 'every member can be assigned, the offset as a bigint, the buffer as any view', () => {
  const buffer = new ArrayBuffer(64);
  const views = [new Uint8Array(buffer), new DataView(buffer), new Float64Array(buffer), Buffer.from(buffer)];
  for (const view of views) {
    const cb = new aio.aiocb();
    Object.assign(cb, {
      aio_fildes: 7,
      aio_offset: 2n ** 62n,
      aio_buf: view,
      aio_nbytes: 64,
      aio_reqprio: 1,
      aio_sigevent: { sigev_notify: aio.SIGEV_NONE },
      aio_lio_opcode: aio.LIO_WRITE,
    });
    assert.equal(cb.aio_offset, 2n ** 62n);
    assert.equal(cb.aio_buf, view);
  }
});

covers('H3 L6', 'the constants are Linux’s', () => {
  assert.deepEqual([aio.AIO_CANCELED, aio.AIO_NOTCANCELED, aio.AIO_ALLDONE], [0, 1, 2]);
  assert.deepEqual([aio.LIO_READ, aio.LIO_WRITE, aio.LIO_NOP], [0, 1, 2]);
  assert.deepEqual([aio.LIO_WAIT, aio.LIO_NOWAIT], [0, 1]);
  assert.deepEqual([aio.SIGEV_SIGNAL, aio.SIGEV_NONE, aio.SIGEV_THREAD], [0, 1, 2]);
});

/** Those of the constants that the C library has too, under the same names. */
const IN_C =
  `AIO_CANCELED AIO_NOTCANCELED AIO_ALLDONE LIO_READ LIO_WRITE LIO_NOP LIO_WAIT LIO_NOWAIT SIGEV_NONE
  SIGEV_SIGNAL SIGEV_THREAD SIGIO SIGUSR1 SIGUSR2 SIGRTMIN SIGRTMAX SI_ASYNCIO O_SYNC O_DSYNC EAGAIN EBADF EBUSY
  ECANCELED EINPROGRESS EINTR EINVAL EIO ENOSYS EOVERFLOW ENOSPC EFBIG EPIPE _SC_AIO_LISTIO_MAX _SC_AIO_MAX
  _SC_AIO_PRIO_DELTA_MAX`.split(/\s+/);

covers('H3', 'every constant is what this machine’s C library says', { skip: noCompiler() }, (t) => {
  const directory = temporaryDirectory(t);
  const [source, program] = [join(directory, 'constants.c'), join(directory, 'constants')];
  const lines = IN_C.map((name) => `printf("%s %ld\\n", "${name}", (long)${name});`);
  writeFileSync(
    source,
    `#define _GNU_SOURCE
     #include <aio.h>
     #include <errno.h>
     #include <fcntl.h>
     #include <signal.h>
     #include <stdio.h>
     #include <unistd.h>
     int main(void) { ${lines.join('\n')} }`,
  );
  execFileSync('cc', [source, '-o', program]);
  const theirs = execFileSync(program, { encoding: 'utf8' }).trimEnd();
  const constants = aio as unknown as Record<string, number>;
  const ours = IN_C.map((name) => `${name} ${constants[name]}`);
  assert.deepEqual(ours, theirs.split('\n'));
});

covers('H4', 'the eight functions are there with their parameters', () => {
  const { aio_read, aio_write, aio_fsync, aio_error, aio_return, aio_suspend, aio_cancel, lio_listio } = aio;
  const lengths = [
    aio_read,
    aio_write,
    aio_fsync,
    aio_error,
    aio_return,
    aio_suspend,
    aio_cancel,
    lio_listio,
  ].map((each) => each.length);
  assert.deepEqual(lengths, [1, 1, 2, 1, 1, 3, 2, 4]);
});

covers('', 'the extensions are there: GNU’s, FreeBSD’s, and ours', () => {
  const extensions = [
    aio.aio_init,
    aio.aio_readv,
    aio.aio_writev,
    aio.aio_waitcomplete,
    aio.completion,
    aio.sigaction,
  ];
  for (const each of extensions) assert.equal(typeof each, 'function');
});

covers('', 'the limits can be asked for and set, within reason', (t) => {
  for (const [name, least] of [
    [aio._SC_AIO_LISTIO_MAX, 2],
    [aio._SC_AIO_MAX, 1],
    [aio._SC_AIO_PRIO_DELTA_MAX, 0],
  ]) {
    const before = aio.sysconf(name);
    t.after(() => aio.setsysconf(name, before));
    assert.ok(before >= least);
    assert.equal(aio.setsysconf(name, least), 0);
    assert.equal(aio.sysconf(name), least);
    for (const bad of [least - 1, -1, 1.5, Number.NaN]) {
      assert.equal(aio.setsysconf(name, bad), -1, String(bad));
      assert.equal(aio.errno, aio.EINVAL);
    }
    assert.equal(aio.sysconf(name), least);
  }
  assert.equal(aio.sysconf(12_345), -1);
  assert.equal(aio.errno, aio.EINVAL);
  assert.equal(aio.setsysconf(12_345, 7), -1);
});

covers('', 'AIO_PRIO_DELTA_MAX is 20 unless it is set, as with glibc', () => {
  assert.equal(aio.sysconf(aio._SC_AIO_PRIO_DELTA_MAX), 20);
});

function noCompiler(): string | false {
  return spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'no C compiler';
}
