// Listing 4 of "Boost application performance using asynchronous I/O": many requests in one system call, which is what
// lio_listio is for, and what the C library's never was.
//
// Corrected: every control block of the list is filled in, and the result is looked at. -1 with EIO means that at least
// one request failed; then each control block tells its own story.
import { closeSync, openSync } from 'node:fs';
import * as aio from 'linux-aio/posix';

const MAX_LIST = 64;
const BUFSIZE = 4096;
const fd = openSync(process.argv[2] ?? process.execPath, 'r');

const list: (aio.aiocb | null)[] = new Array(MAX_LIST).fill(null);
for (let i = 0; i < MAX_LIST; i++) {
  if (i === 7) continue; // an empty place
  list[i] = new aio.aiocb({
    aio_fildes: fd,
    aio_buf: Buffer.alloc(BUFSIZE),
    aio_nbytes: BUFSIZE,
    aio_offset: i * BUFSIZE,
    aio_lio_opcode: i === 8 ? aio.LIO_NOP : aio.LIO_READ,
  });
}

if (aio.lio_listio(aio.LIO_WAIT, list, MAX_LIST, null) < 0 && aio.errno !== aio.EIO)
  throw new Error(`lio_listio: errno ${aio.errno}`);

let bytes = 0;
let reads = 0;
for (const cb of list) {
  if (!cb || cb.aio_lio_opcode === aio.LIO_NOP) continue;
  const error = aio.aio_error(cb);
  if (error !== 0) throw new Error(`the read at ${cb.aio_offset} failed: errno ${error}`);
  bytes += aio.aio_return(cb);
  reads++;
}
console.log(`${reads} reads, ${bytes} bytes`);
closeSync(fd);
