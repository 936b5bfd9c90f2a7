// From <aio.h> to await: completion() resolves with what aio_return would give, and collects it.
import { closeSync, openSync } from 'node:fs';
import { aio_read, aiocb, completion, LIO_NOWAIT, LIO_READ, lio_listio } from 'linux-aio/posix';

const fd = openSync(process.argv[2] ?? process.execPath, 'r');
const blockAt = (aio_offset: number) =>
  new aiocb({
    aio_fildes: fd,
    aio_buf: Buffer.alloc(4096),
    aio_nbytes: 4096,
    aio_offset,
    aio_lio_opcode: LIO_READ,
  });

const one = blockAt(0);
aio_read(one);
console.log(`one read: ${await completion(one)} bytes`);

const list = Array.from({ length: 16 }, (_, i) => blockAt(i * 4096));
lio_listio(LIO_NOWAIT, list, list.length, null); // one system call for all of them
const sizes = await Promise.all(list.map(completion));
console.log(`a list: ${sizes.reduce((sum, size) => sum + size)} bytes`);

const closed = new aiocb({ aio_fildes: -1, aio_buf: Buffer.alloc(1), aio_nbytes: 1 });
aio_read(closed);
await completion(closed).catch((error) => console.log(`an error: ${error.code}`));
closeSync(fd);
