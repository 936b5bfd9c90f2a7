// A thread or a process with as much under way as it can, for teardown.ts to end at whatever moment.
//
// As a worker: workerData is a Load. As a program: teardown-load <Load as JSON>; it ends in the way that `end` says.
import fs from 'node:fs';
import process from 'node:process';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { File, Ring } from 'linux-aio';
import { pick, type Random, randomOf } from '../differential/random.js';
import type { End, Load } from './teardown.js';

const { O_DIRECT, O_RDONLY, O_RDWR, O_NONBLOCK } = fs.constants;
const done = (): void => {};

/** Requests of all kinds: blocked, long, many, waiting in user space; most of their buffers are garbage at once. */
export function load({ seed, file, pipe }: Load): Ring[] {
  const random = randomOf(seed);
  const rings = Array.from({ length: 1 + random(3) }, () =>
    Ring.open({ entries: pick(random, [8, 64, 128]) }),
  );
  const blocked = fs.openSync(pipe, O_RDWR | O_NONBLOCK);
  const buffered = fs.openSync(file, O_RDWR);
  const direct = openDirect(file);
  for (const ring of rings) {
    for (let n = random(300); n > 0; n--) request(random, ring, { blocked, buffered, direct });
  }
  if (random(2)) void wholeFiles(random, rings[0], file);
  if (random(8) === 0) rings[0].unref();
  if (random(8) === 0) void rings[0].close();
  return rings;
}

function openDirect(file: string): number {
  try {
    return fs.openSync(file, O_RDONLY | O_DIRECT);
  } catch {
    return fs.openSync(file, O_RDONLY); // tmpfs before Linux 6.6
  }
}

function request(
  random: Random,
  ring: Ring,
  fds: { blocked: number; buffered: number; direct: number },
): void {
  const position = random(200) * 4096;
  switch (random(10)) {
    case 0:
      ring.read(fds.blocked, new Uint8Array(512), -1, done);
      break;
    case 1:
      ring.read(fds.blocked, new Uint8Array(100_000), -1, done);
      break;
    case 2:
      ring.read(fds.buffered, Buffer.alloc(1 + random(300_000)), position, done);
      break;
    case 3:
      ring.write(fds.buffered, Buffer.alloc(1 + random(10_000)), position, done);
      break;
    case 4:
      ring.fsync(fds.buffered, random(2) === 1, done);
      break;
    case 5: {
      // Not aligned most of the time: then it fails, which is a way to end as well.
      const memory = new Uint8Array(16384);
      ring.read(fds.direct, memory.subarray(0, 8192), position, done);
      break;
    }
    case 6:
      ring.timeout(random(60_000), done);
      break;
    case 7:
      ring.readv(
        fds.buffered,
        [new Uint8Array(10), new Uint8Array(new SharedArrayBuffer(4096))],
        position,
        done,
      );
      break;
    case 8:
      ring.pollAdd(fds.blocked, 1, done);
      break;
    default:
      ring.cancel(ring.read(fds.blocked, new Uint8Array(64), -1, done), done);
      break;
  }
}

/** The promises on top: a File that is read and written until the end. */
async function wholeFiles(random: Random, ring: Ring, path: string): Promise<void> {
  try {
    const file = File.fromFd(fs.openSync(path, 'r+'), { ring });
    for (;;) {
      await Promise.all([
        file.read(Buffer.alloc(4096), { position: random(100) * 4096 }),
        file.writeMany([{ buffer: Buffer.alloc(512), position: random(100) * 4096 }], { sync: true }),
      ]);
    }
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code !== 'ERR_USE_AFTER_CLOSE' &&
      (error as NodeJS.ErrnoException).code !== 'ECANCELED'
    )
      throw error;
  }
}

function end(how: End, own: Load): void {
  switch (how) {
    case 'exit':
      process.exit(7);
      break;
    case 'exit in a callback':
      Ring.open().nop(() => process.exit(7));
      break;
    case 'throw':
      throw new Error('the end');
    case 'nothing left':
      process.exitCode = 7;
      break;
    case 'SIGTERM':
    case 'SIGKILL':
      process.kill(process.pid, how);
      break;
    case 'abort worker': {
      const worker = new Worker(new URL(import.meta.url), { workerData: { ...own, end: undefined } });
      worker.once('message', () => process.exit(7));
      break;
    }
  }
}

if (!isMainThread) {
  load(workerData as Load);
  parentPort!.postMessage('busy');
} else {
  const own = JSON.parse(process.argv[2]) as Load;
  const rings = load(own);
  setTimeout(() => {
    if (own.end === 'nothing left') for (const ring of rings) if (!ring.closed) ring.unref();
    end(own.end!, own);
  }, own.after);
}
