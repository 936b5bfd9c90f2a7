// The options that readFile, writeFile and appendFile share: an encoding, or an object with encoding, signal and
// flush. What is not obviously right is put to Node itself.
import { Buffer } from 'node:buffer';

export interface FileOptions {
  readonly encoding: BufferEncoding | undefined;
  readonly signal: AbortSignal | undefined;
  readonly flush: boolean;
}

const NONE: FileOptions = { encoding: undefined, signal: undefined, flush: false };

/** Options that every version of Node accepts and reads the same way; null for others. */
export function plainOptions(options: unknown): FileOptions | null {
  if (options === undefined || options === null) return NONE;
  if (typeof options === 'string') return Buffer.isEncoding(options) ? { ...NONE, encoding: options } : null;
  if (typeof options !== 'object') return null;
  const { encoding, signal, flush, mode } = options as Record<string, unknown>;
  if (encoding !== undefined && encoding !== null && !isEncoding(encoding)) return null;
  if (signal !== undefined && !(signal instanceof AbortSignal)) return null;
  if (flush !== undefined && flush !== null && typeof flush !== 'boolean') return null;
  if (mode !== undefined) return null; // Node 26 looks at it, though it means nothing here
  return { encoding: encoding ?? undefined, signal, flush: flush === true };
}

/** The same for options that are not plain but that Node accepts: '', functions, signals of another make. */
export function acceptedOptions(options: unknown): FileOptions {
  if (typeof options !== 'object' || options === null) return NONE;
  const { encoding, signal, flush } = options as Record<string, unknown>;
  return {
    encoding: isEncoding(encoding) ? encoding : undefined,
    signal: signal as AbortSignal | undefined,
    flush: flush === true,
  };
}

function isEncoding(value: unknown): value is BufferEncoding {
  return typeof value === 'string' && Buffer.isEncoding(value);
}
