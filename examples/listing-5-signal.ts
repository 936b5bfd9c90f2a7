// Listing 5 of "Boost application performance using asynchronous I/O": a signal for each request that is over, with the
// control block as its value. The signal is a real one, queued by the kernel.
//
// Corrected: a real-time signal instead of SIGIO, because a standard signal that is pending swallows the next one; the
// handler looks at si_code; it collects failed requests as well; and the control block outlives the function that made
// it. Here a handler runs on the event loop, so it may start the next transfer, which in C it must not.
import { closeSync, openSync } from 'node:fs';
import * as aio from 'linux-aio/posix';

const BUF_SIZE = 4096;
const REQUESTS = 50;
const SIGNAL = aio.SIGRTMIN + 2;
const fd = openSync(process.argv[2] ?? process.execPath, 'r');
let completed = 0;
let bytes = 0;

function setup_io(): void {
  if (aio.sigaction(SIGNAL, { sa_sigaction: aio_completion_handler }) < 0)
    throw new Error(`sigaction: ${aio.errno}`);
  for (let i = 0; i < REQUESTS; i++) {
    const my_aiocb = new aio.aiocb({
      aio_fildes: fd,
      aio_buf: Buffer.alloc(BUF_SIZE),
      aio_nbytes: BUF_SIZE,
      aio_offset: i * BUF_SIZE,
    });
    my_aiocb.aio_sigevent = { sigev_notify: aio.SIGEV_SIGNAL, sigev_signo: SIGNAL, sigev_value: my_aiocb };
    if (aio.aio_read(my_aiocb) < 0) throw new Error(`aio_read: errno ${aio.errno}`);
  }
}

function aio_completion_handler(_signo: number, info: aio.siginfo): void {
  if (info.si_code !== aio.SI_ASYNCIO) return; // somebody else's
  const req = info.si_value as aio.aiocb;
  const error = aio.aio_error(req);
  const ret = aio.aio_return(req); // of a failed one as well
  if (error === 0) bytes += ret;
  else console.log(`a read failed: errno ${error}`);
  if (++completed === REQUESTS) finish();
}

function finish(): void {
  console.log(`${completed} signals, ${bytes} bytes`);
  aio.sigaction(SIGNAL, null);
  closeSync(fd);
}

setup_io();
