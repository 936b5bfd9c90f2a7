// Page-aligned memory without native code: WebAssembly memory begins on a page in V8 and JavaScriptCore alike. Every
// JavaScript contestant gets it, so that what is compared is not who was luckier with malloc (the copy out of the page
// cache is 3 to 6 % slower to a malloc address, 16 bytes off a cache line, and O_DIRECT refuses those).
import { constants } from 'node:fs';
import type { Buffers } from './doors.js';

/** Neither the language's library nor Node's types declare it; every runtime here has it. */
declare const WebAssembly: { Memory: new (descriptor: { initial: number }) => { buffer: ArrayBuffer } };

const wasmPage = 65_536;

export function alignedBuffers(count: number, size: number): Buffers {
  const stride = Math.ceil(size / 4096) * 4096;
  const { buffer } = new WebAssembly.Memory({ initial: Math.ceil((count * stride) / wasmPage) });
  const views = Array.from({ length: count }, (_, i) => new Uint8Array(buffer, i * stride, size).fill(1));
  return { views, free() {} };
}

/** The first two words of a block: its number, and the stamp of the slice that wrote it. */
export function wordsOf(view: Uint8Array): Uint32Array {
  return new Uint32Array(view.buffer, view.byteOffset, 2);
}

/** O_DIRECT: 0o40000 on x86, 0o200000 on arm64; undefined where the platform has none. */
export const O_DIRECT: number = constants.O_DIRECT ?? 0;

export function wrongBlock(expected: number, result: number, found: number): Error {
  return new Error(`block ${expected}: the transfer returned ${result}, the block read says ${found}`);
}
