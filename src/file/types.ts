// The shapes of File's arguments and results.
import type { Abortable } from 'node:events';

export interface ReadResult<B> {
  /** 0 at the end of the file */
  readonly bytesRead: number;
  readonly buffer: B;
}

export interface WriteResult<B> {
  readonly bytesWritten: number;
  readonly buffer: B;
}

export interface ReadVectorResult<B> {
  readonly bytesRead: number;
  readonly buffers: B;
}

export interface WriteVectorResult<B> {
  readonly bytesWritten: number;
  readonly buffers: B;
}

/** Of one read or write. */
export interface TransferOptions extends Abortable {
  /** first byte in the buffer (0) */
  offset?: number | null | undefined;
  /** bytes (the rest of the buffer) */
  length?: number | null | undefined;
  /** first byte in the file, up to 2^63-1; null, the default, or -1: the file's own position */
  position?: number | bigint | null | undefined;
}

export interface ReadOptions<B extends ArrayBufferView> extends TransferOptions {
  /** 16384 new bytes by default */
  buffer?: B | undefined;
}

/** In place of the position of readv and writev. */
export interface VectorOptions extends Abortable {
  position?: number | bigint | null | undefined;
}

export interface ReadFileOptions extends Abortable {
  /** a string instead of a Buffer */
  encoding?: BufferEncoding | null | undefined;
  /** Node 24 and later: read into this, or into what it returns for the size of the file */
  buffer?: ArrayBufferView | ((size: number) => ArrayBufferView) | undefined;
}

export interface FileOptions extends Abortable {
  /** of strings (utf8) */
  encoding?: BufferEncoding | null | undefined;
  /** fsync(2) when everything is written (false) */
  flush?: boolean | undefined;
}

export interface StatOptions extends Abortable {
  /** BigIntStats, exact to the nanosecond (false) */
  bigint?: boolean | undefined;
}
