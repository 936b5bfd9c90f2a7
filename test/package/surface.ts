// The public names of the package, by module, and a program that uses the types of all of them. Taking one away, or
// changing what it gives, breaks somebody's build: this list grows and does not shrink.

export const VALUES: Readonly<Record<string, readonly string[]>> = {
  'linux-aio': ['open', 'File', 'BufferPool', 'Ring', 'defaultRing', 'doctor'],
  'linux-aio/posix': [
    ...[
      'aiocb',
      'aio_read',
      'aio_write',
      'aio_fsync',
      'aio_error',
      'aio_return',
      'aio_suspend',
      'aio_cancel',
    ],
    ...['lio_listio', 'aio_init', 'aio_readv', 'aio_writev', 'aio_waitcomplete', 'completion', 'sigaction'],
    ...['errno', 'LIO_READ', 'LIO_WRITE', 'LIO_NOP', 'LIO_WAIT', 'LIO_NOWAIT'],
    ...['AIO_CANCELED', 'AIO_NOTCANCELED', 'AIO_ALLDONE', 'SIGEV_NONE', 'SIGEV_SIGNAL', 'SIGEV_THREAD'],
    ...['SIGIO', 'SIGUSR1', 'SIGUSR2', 'SIGRTMIN', 'SIGRTMAX', 'SI_ASYNCIO', 'O_SYNC', 'O_DSYNC'],
    ...['EAGAIN', 'EBADF', 'ECANCELED', 'EINPROGRESS', 'EINTR', 'EINVAL', 'EIO', 'ENOSYS', 'EOVERFLOW'],
    ...['ENOSPC', 'EFBIG', 'EPIPE'],
  ],
};

const importOf = (module: string): string => `import { ${VALUES[module].join(', ')} } from '${module}';`;

export const TYPED_PROGRAM = `
import type { Advice, DoctorReport, Done, EngineName, OpenOptions, RingOptions, Transfer } from 'linux-aio';
${importOf('linux-aio')}
import type { sigevent, siginfo, timespec } from 'linux-aio/posix';
${importOf('linux-aio/posix')}
import * as nodeFs from 'node:fs';
import * as nodePromises from 'node:fs/promises';
import * as aioFs from 'linux-aio/fs';
import * as aioPromises from 'linux-aio/fs/promises';
import 'linux-aio/register';

// The drop-ins have exactly node's types, so that an import can be changed and nothing else.
export const fs: Omit<typeof nodeFs, 'default'> = aioFs;
export const promises: Omit<typeof nodePromises, 'default'> = aioPromises;
export const readFile: typeof nodePromises.readFile = aioPromises.readFile;

const options: RingOptions = { engine: 'auto', entries: 64, sqpoll: { idle: 10 }, workers: [4, 4] };
export function ring(fd: number): number {
  const ring: Ring = Ring.open(options);
  const name: EngineName = defaultRing().engine;
  const done: Done = (result: number) => void result;
  const id: number = ring.read(fd, new Uint8Array(8), 2n ** 40n, done) + ring.nop(done);
  ring.write(fd, new DataView(new ArrayBuffer(8)), -1, done);
  ring.readv(fd, [new Uint8Array(1)], 0, done);
  ring.writev(fd, [new Uint8Array(1)], 0, done);
  ring.fsync(fd, true, done);
  ring.cancel(id, done);
  const { submitted, completed, cancelled, systemCalls, wakeups } = ring.stats;
  const closed: Promise<void> = ring.close();
  void [closed, name, ring.inFlight, ring.flush(), ring.wait(1, 10)];
  return submitted + completed + cancelled + systemCalls + wakeups;
}

export async function file(): Promise<number> {
  const opened: OpenOptions = { direct: true, ring: Ring.open() };
  const file: File = await open(new URL('file:///x'), 'r', 0o666, opened);
  const view = new Float64Array(512);
  const read: { bytesRead: number; buffer: Float64Array } = await file.read(view, { position: 2n ** 40n });
  const { bytesWritten } = await file.write(view, { length: 8, signal: AbortSignal.timeout(1) });
  const list: Transfer[] = [{ buffer: view, position: 0 }];
  const counts: number[] = [...(await file.readMany(list)), ...(await file.writeMany(list, { sync: true }))];
  await file.allocate(0n, 4096, { keepSize: true });
  await file.advise(0, 0, 'willneed');
  const pool = new BufferPool({ size: 4096, count: 8, alignment: 512 });
  const buffer: Uint8Array = pool.acquire();
  pool.release(buffer);
  await File.fromFd(file.fd, { direct: false }).close();
  return read.bytesRead + bytesWritten + counts[0] + pool.available;
}

export async function limits(): Promise<number> {
  const { engines, chosen, limits, advice }: DoctorReport = await doctor();
  const [first]: readonly Advice[] = advice;
  const { available, reason, operations } = engines[chosen];
  void [available, reason, operations, first.level, first.text, first.command];
  return limits.aioNr + limits.aioMaxNr + limits.memlock + limits.openFiles + (limits.ioUringDisabled ?? 0);
}

export async function posix(): Promise<number> {
  const told: sigevent = { sigev_notify: SIGEV_SIGNAL, sigev_signo: SIGRTMIN, sigev_value: 'any' };
  const cb = new aiocb({ aio_fildes: 0, aio_buf: new Uint8Array(1), aio_offset: 0n, aio_sigevent: told });
  const limit: timespec = { tv_sec: 0, tv_nsec: 0 };
  const zero: 0 | -1 = aio_read(cb) || aio_suspend([cb, null], 2, limit) || lio_listio(LIO_WAIT, [cb], 1, null);
  const handled: 0 | -1 = sigaction(SIGIO, { sa_sigaction: (signo: number, info: siginfo) => void [signo, info.si_value] });
  const next: { cb: aiocb; result: number } | -1 = aio_waitcomplete(limit);
  void [next, handled, aio_fsync(O_DSYNC, cb) === 0, aio_write(cb), aio_cancel(0, null) === AIO_ALLDONE];
  aio_init({ aio_threads: 1, aio_num: 64, aio_idle_time: 1 });
  aio_readv({ ...cb, aio_iov: [new Uint8Array(1)] });
  aio_writev({ ...cb, aio_iov: [new Uint8Array(1)] });
  return zero + errno + aio_error(cb) + aio_return(cb) + (await completion(cb));
}

// @ts-expect-error a position is a number or a bigint
export const wrong = (ring: Ring) => ring.read(0, new Uint8Array(1), 'x', () => {});
`;
