// What a program can do to the memory of a buffer that a request uses, and canaries where that memory was.
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';

/** Of each buffer its first bytes are transferred: no more than a pipe takes whole. */
export const TRANSFER = 4096;
/** In malloc's hands, and mapped one by one. */
export const BUFFER_SIZES = [TRANSFER, 300_000];

export interface BufferEvent {
  readonly name: string;
  make(size: number): ArrayBuffer;
  /** @returns who has the memory then, or null when that is to be collected */
  happen(buffer: ArrayBuffer): ArrayBuffer | null;
  /** what is transferred meanwhile is where the new owner looks */
  readonly isFollowed: boolean;
  /** there may be no memory any more: EFAULT */
  readonly losesMemory: boolean;
}

type Modern = ArrayBuffer & { transfer(size?: number): ArrayBuffer; resize(size: number): void };

const plain = { make: (size: number) => new ArrayBuffer(size), isFollowed: true, losesMemory: false };
const resizable = {
  ...plain,
  make: (size: number) =>
    new (ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer)(size, {
      maxByteLength: 2 * size,
    }),
};

function moved(buffer: ArrayBuffer): ArrayBuffer {
  const clone = structuredClone(buffer, { transfer: [buffer] });
  assert.equal(buffer.byteLength, 0);
  return clone;
}

function posted(buffer: ArrayBuffer): null {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(buffer, [buffer]);
  assert.equal(buffer.byteLength, 0);
  port1.close();
  port2.close();
  return null;
}

/** One that is refused is as good as one that leaves the memory alone. */
function transferred(buffer: ArrayBuffer, size?: number): ArrayBuffer {
  try {
    return (buffer as Modern).transfer(size);
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error));
    return buffer;
  }
}

function resized(buffer: ArrayBuffer, size: number): ArrayBuffer {
  (buffer as Modern).resize(size);
  return buffer;
}

const TRANSFERS: readonly BufferEvent[] = [
  { ...plain, name: 'transferred', happen: (buffer) => transferred(buffer) },
  {
    ...plain,
    name: 'transferred, the new owner forgotten',
    happen(buffer) {
      transferred(buffer);
      return null;
    },
  },
  ...[0.5, 10].map((factor) => ({
    ...plain,
    name: `transferred to ${factor} times its size`,
    happen: (buffer: ArrayBuffer) => transferred(buffer, buffer.byteLength * factor),
    isFollowed: false, // a copy
  })),
];

export const BUFFER_EVENTS: readonly BufferEvent[] = [
  { ...plain, name: 'forgotten', happen: () => null },
  { ...plain, name: 'moved by structuredClone', happen: moved },
  {
    ...plain,
    name: 'moved by structuredClone, the new owner forgotten',
    happen(buffer) {
      moved(buffer);
      return null;
    },
  },
  { ...plain, name: 'posted to nobody', happen: posted },
  ...('transfer' in ArrayBuffer.prototype ? TRANSFERS : []),
  { ...resizable, name: 'grown', happen: (buffer) => resized(buffer, 2 * buffer.byteLength) },
  {
    ...resizable,
    name: 'shrunk to nothing',
    happen: (buffer) => resized(buffer, 0),
    isFollowed: false,
    losesMemory: true,
  },
];

/** In a turn of its own, for what this one has looked at is kept until its end; finalizers run in another. */
export async function collectGarbage(): Promise<void> {
  await nextTurn();
  global.gc!();
  await nextTurn();
}

const UNTOUCHED = 0xc5;
const CANARIES = 16; // of each size, more than there are buffers
const ALIVE = Buffer.alloc(Math.max(...BUFFER_SIZES), UNTOUCHED);

/** Takes up memory that was freed just now, and sees whether anybody writes to it. */
export class Canaries {
  readonly #birds = BUFFER_SIZES.flatMap((size) =>
    Array.from({ length: CANARIES }, () => Buffer.alloc(size, UNTOUCHED)),
  );

  check(): void {
    for (const bird of this.#birds) {
      const alive = bird.equals(ALIVE.subarray(0, bird.length));
      assert.ok(alive, 'the kernel wrote into memory that was given to somebody else');
    }
  }
}
