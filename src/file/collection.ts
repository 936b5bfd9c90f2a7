// A File that was never closed and is not reachable any more: its descriptor is closed, and a warning says so. It is
// a mistake in the program, because when it happens is up to the garbage collector. (Node up to 25 warns likewise;
// 26 ends the process.)
import { emitWarning } from 'node:process';
import type { Descriptor } from './descriptor.js';

const registry = new FinalizationRegistry<Descriptor>((descriptor) => {
  if (descriptor.fd === -1 || descriptor.isClosing) return;
  emitWarning(`Closing file descriptor ${descriptor.fd} on garbage collection`, {
    detail: 'Close files with close(), or declare them with `await using`.',
  });
  descriptor.close().catch(emitWarning);
});

/** The descriptor must not lead to the file. */
export function closeWhenCollected(file: object, descriptor: Descriptor): void {
  registry.register(file, descriptor, descriptor);
}

/** The file was closed: there is nothing to warn of. */
export function closedByHand(descriptor: Descriptor): void {
  registry.unregister(descriptor);
}
