// Listing 6 of "Boost application performance using asynchronous I/O": a function is called when the request is over.
//
// Corrected: the members are called sigev_notify_function and sigev_notify_attributes; failed requests are collected as
// well. POSIX says "as if on a new thread"; here the function runs in a task of its own on the event loop (give a Worker
// or MessagePort as the attributes and the value is posted there instead), so it may start the next transfer.
import { closeSync, openSync } from 'node:fs';
import * as aio from 'linux-aio/posix';

const BUF_SIZE = 4096;
const fd = openSync(process.argv[2] ?? process.execPath, 'r');
let next_offset = 0;
let bytes = 0;

function setup_io(): void {
  const my_aiocb = new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(BUF_SIZE), aio_nbytes: BUF_SIZE });
  my_aiocb.aio_sigevent = {
    sigev_notify: aio.SIGEV_THREAD,
    sigev_notify_function: aio_completion_handler,
    sigev_value: my_aiocb,
  };
  start(my_aiocb);
}

function start(cb: aio.aiocb): void {
  cb.aio_offset = next_offset;
  next_offset += BUF_SIZE;
  if (aio.aio_read(cb) < 0) throw new Error(`aio_read: errno ${aio.errno}`);
}

function aio_completion_handler(req: aio.aiocb): void {
  const error = aio.aio_error(req);
  const ret = aio.aio_return(req);
  if (error !== 0) throw new Error(`the read failed: errno ${error}`);
  bytes += ret;
  // "The completion handler is an ideal spot to continue the I/O by requesting the next asynchronous transfer."
  if (next_offset < 16 * BUF_SIZE) start(req);
  else {
    console.log(`16 reads, ${bytes} bytes`);
    closeSync(fd);
  }
}

setup_io();
