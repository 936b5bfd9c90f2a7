// The model of Figure 5, with the package's own <aio.h>: the request is handed over, the program computes, and is told
// by a signal or by a call of its function that the data is in its buffer.
import { engine } from '../posix/engine.js';
import {
  aio_error,
  aio_read,
  aio_return,
  aiocb,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
  SIGIO,
  sigaction,
  type sigevent,
} from '../posix/index.js';
import type { Job } from './job.js';

/** What runs when a request is complete; the article's aio_completion_handler. */
type Handler = (request: aiocb) => void;

/** Asynchronous non-blocking (Figure 5), notified by the signal SIGIO: the article's Listing 5. */
export function signalledRead(job: Job): Promise<void> {
  let handler: Handler;
  sigaction(SIGIO, { sa_sigaction: (_signo, { si_value }) => handler(si_value as aiocb) });
  return asynchronousRead(job, 'signal', (request, completionHandler) => {
    handler = completionHandler;
    return { sigev_notify: SIGEV_SIGNAL, sigev_signo: SIGIO, sigev_value: request };
  });
}

/** The same, notified by a function call: the article's Listing 6. */
export function calledBackRead(job: Job): Promise<void> {
  return asynchronousRead(job, 'callback', (request, completionHandler) => ({
    sigev_notify: SIGEV_THREAD,
    sigev_notify_function: completionHandler,
    sigev_value: request,
  }));
}

async function asynchronousRead(
  job: Job,
  notification: string,
  sigeventFor: (request: aiocb, handler: Handler) => sigevent,
): Promise<void> {
  job.calls.watch(engine());
  for (let i = 0; i < job.blocks; i++) {
    const request = new aiocb({ aio_fildes: job.fd, aio_buf: job.buffer, aio_nbytes: job.buffer.length });
    if (job.seekable) request.aio_offset = job.position(i);
    const completed = new Promise<aiocb>((resolve) => {
      request.aio_sigevent = sigeventFor(request, (finished) => {
        job.mark('up', notification, i);
        resolve(finished);
      });
    });
    job.ask(i);
    job.mark('down', 'aio_read', i);
    if (aio_read(request) !== 0) throw new Error(`aio_read was refused for block ${i}`);
    job.compute(i);
    const from = job.now();
    const finished = await completed;
    const error = aio_error(finished);
    if (error !== 0) throw new Error(`aio_read failed for block ${i}: errno ${error}`);
    job.take(i, aio_return(finished));
    job.record('idle', 'epoll_wait', i, from);
  }
}
