// readableWebStream(): the file as a stream of the Web, from the file's own position on.
import { emitWarning, versions } from 'node:process';
import { type ReadableByteStreamController, ReadableStream } from 'node:stream/web';
import { invalidType } from '../ring/validate.js';
import type { Descriptor } from './descriptor.js';
import { invalidPropertyType, invalidState } from './errors.js';
import type { File } from './file.js';

export interface WebStreamOptions {
  /** close the file at the end, and when the stream is cancelled (false) */
  autoClose?: boolean | undefined;
  /** `'bytes'` for a byte stream before Node 22.15, where the default is a stream of ArrayBuffers */
  type?: 'bytes' | undefined;
}

const CHUNK_BYTES = 16384;
/** Of a stream of ArrayBuffers; what Node 20 reads at once. */
const LEGACY_CHUNK_BYTES = 65536;

/**
 * "Removed option to create a 'bytes' stream. Streams are now always 'bytes' streams": v23.8.0, v22.15.0
 * (https://nodejs.org/api/fs.html#filehandlereadablewebstreamoptions).
 */
function hasOnlyByteStreams(): boolean {
  const [major, minor] = versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 8) || (major === 22 && minor >= 15);
}

export function readableWebStream(
  file: File,
  descriptor: Descriptor,
  options: WebStreamOptions = {},
): ReadableStream {
  if (descriptor.fd === -1) throw invalidState('The FileHandle is closed');
  if (descriptor.isClosing) throw invalidState('The FileHandle is closing');
  if (descriptor.locked) throw invalidState('The FileHandle is locked');
  descriptor.locked = true;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidType('options', 'of type object', options);
  }
  const { type, autoClose = false } = options;
  if (typeof autoClose !== 'boolean') {
    throw invalidPropertyType('options.autoClose', 'of type boolean', autoClose);
  }
  const source = new Source(file, descriptor, autoClose);
  if (type !== 'bytes' && !hasOnlyByteStreams()) {
    return new ReadableStream({
      pull: (controller) => source.pullBuffer(controller),
      cancel: () => source.cancel(),
    });
  }
  if (type !== undefined && type !== 'bytes') {
    emitWarning('A non-"bytes" options.type has no effect. A byte-oriented stream is always created.', {
      type: 'ExperimentalWarning',
    });
  }
  return new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: CHUNK_BYTES,
    start: (controller) => source.start(controller),
    pull: (controller) => source.pullBytes(controller),
    cancel: () => source.cancel(),
  });
}

/** A user of the descriptor from the making of the stream to its end, its cancellation or the file's closing. */
class Source {
  readonly #file: File;
  readonly #descriptor: Descriptor;
  readonly #autoClose: boolean;
  /** takes a waiting read back when the stream is cancelled or the file closed */
  readonly #stopped = new AbortController();
  #controller: ReadableByteStreamController | undefined;
  #isReading = false;
  #isReleased = false;

  constructor(file: File, descriptor: Descriptor, autoClose: boolean) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.#autoClose = autoClose;
    descriptor.ref();
    file.once('close', this.#onFileClose);
  }

  start(controller: ReadableByteStreamController): void {
    this.#controller = controller;
  }

  async pullBytes(controller: ReadableByteStreamController): Promise<void> {
    const view = controller.byobRequest!.view!;
    const count = await this.#read(view as Uint8Array);
    if (this.#isReleased) return;
    if (count > 0) controller.byobRequest!.respond(count);
    if (count === 0 || this.#stopped.signal.aborted) await this.#end();
  }

  async pullBuffer(controller: { enqueue(chunk: ArrayBuffer): void; close(): void }): Promise<void> {
    const view = new Uint8Array(LEGACY_CHUNK_BYTES);
    const count = await this.#read(view);
    if (this.#isReleased) return;
    if (count > 0) controller.enqueue(view.buffer.slice(0, count));
    if (count > 0 && !this.#stopped.signal.aborted) return;
    controller.close();
    await this.#release();
  }

  async cancel(): Promise<void> {
    this.#stopped.abort();
    await this.#release();
  }

  /** Bytes read; 0 at the end, or when stopped. A failed read ends the stream's use of the file. */
  async #read(view: Uint8Array): Promise<number> {
    const { signal } = this.#stopped;
    this.#isReading = true;
    try {
      return (await this.#file.read(view, { signal })).bytesRead;
    } catch (error) {
      if (signal.aborted) return 0;
      await this.#release();
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  async #end(): Promise<void> {
    this.#controller?.close();
    // A reader that waits with a buffer gets it back, empty.
    this.#controller?.byobRequest?.respond(0);
    await this.#release();
  }

  readonly #onFileClose = (): void => {
    this.#stopped.abort();
    // While the kernel has the reader's buffer it must not be handed back: then the pull ends the stream.
    if (!this.#isReading) void this.#end();
  };

  async #release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#file.off('close', this.#onFileClose);
    this.#descriptor.unref();
    if (this.#autoClose) await this.#file.close();
  }
}
