// Listing 2 of "Boost application performance using asynchronous I/O": a read with aio_read, awaited by asking.
//
// Corrected: a failure to open ends the program, the error comes from aio_error (aio_return does not set errno in every
// C library), and 0 bytes is the end of the file, not a failure.
import { closeSync, openSync } from 'node:fs';
import * as aio from 'linux-aio/posix';

const BUFSIZE = 4096;
const fd = openSync(process.argv[2] ?? process.execPath, 'r');

// A new control block is zeroed: nothing like bzero is needed.
const my_aiocb = new aio.aiocb();
my_aiocb.aio_buf = Buffer.alloc(BUFSIZE);
my_aiocb.aio_fildes = fd;
my_aiocb.aio_nbytes = BUFSIZE;
my_aiocb.aio_offset = 0;

if (aio.aio_read(my_aiocb) < 0) throw new Error(`aio_read: errno ${aio.errno}`);

let computed = 0;
while (aio.aio_error(my_aiocb) === aio.EINPROGRESS) computed++; // the program's own work, while the kernel reads

const error = aio.aio_error(my_aiocb);
const ret = aio.aio_return(my_aiocb);
if (ret > 0) console.log(`got ${ret} bytes on the read, having looked ${computed} times`);
else if (ret === 0) console.log('end of file');
else console.log(`read failed: errno ${error}`);
closeSync(fd);
