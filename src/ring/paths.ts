// Paths as the kernel wants them: bytes ending in NUL.
import { Buffer } from 'node:buffer';
import { invalidType, invalidValue } from './validate.js';

/** The bytes of a path and a final NUL. A request keeps them until its completion. */
export function pathBytes(name: string, path: string | Uint8Array): Uint8Array {
  if (typeof path === 'string') {
    if (path.includes('\0')) throw invalidValue(name, path, 'must be a string without null bytes');
    return Buffer.from(`${path}\0`);
  }
  if (!(path instanceof Uint8Array)) throw invalidType(name, 'of type string or an instance of Buffer', path);
  if (path.includes(0)) throw invalidValue(name, path, 'must be a Buffer without null bytes');
  const bytes = Buffer.allocUnsafe(path.length + 1);
  bytes.set(path);
  bytes[path.length] = 0;
  return bytes;
}
