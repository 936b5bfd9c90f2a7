// Listing 3 of "Boost application performance using asynchronous I/O": the thread sleeps in aio_suspend until one of
// several requests is over, in one system call.
//
// Corrected: the request must have been made before it is waited for, and after aio_suspend has returned one asks each
// control block, because it does not say which is over. A signal gives EINTR: then one waits again.
import { closeSync, openSync } from 'node:fs';
import * as aio from 'linux-aio/posix';

const MAX_LIST = 8;
const fd = openSync(process.argv[2] ?? process.execPath, 'r');
const my_aiocb = new aio.aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(4096), aio_nbytes: 4096 });

// Empty places are ignored.
const cblist: (aio.aiocb | null)[] = new Array(MAX_LIST).fill(null);
cblist[0] = my_aiocb;

if (aio.aio_read(my_aiocb) < 0) throw new Error(`aio_read: errno ${aio.errno}`);
while (aio.aio_suspend(cblist, MAX_LIST, null) < 0) {
  if (aio.errno !== aio.EINTR) throw new Error(`aio_suspend: errno ${aio.errno}`);
}

for (const cb of cblist) {
  if (!cb) continue;
  const error = aio.aio_error(cb);
  if (error === aio.EINPROGRESS) continue;
  console.log(error === 0 ? `read ${aio.aio_return(cb)} bytes` : `failed: errno ${error}`);
}
closeSync(fd);
