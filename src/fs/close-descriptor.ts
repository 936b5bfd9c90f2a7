// close(2), by the ring where it can.
import { close as nodeClose } from '../abi/node-fs.js';
import type { Done } from '../ring/slots.js';
import { ringOrNull } from './engine.js';

/** 0 or -errno. */
export function closeDescriptor(fd: number, done: Done): void {
  const ring = ringOrNull();
  if (ring?.supports('close')) ring.close(fd, done);
  else nodeClose(fd, (error) => done(error?.errno ?? 0));
}
