// Who is compared: node:fs/promises, each engine by itself, and the ring that routes.
import * as fs from 'node:fs/promises';
import { open, Ring, type RingOptions } from 'linux-aio';

export type Handle = Pick<fs.FileHandle, 'read' | 'write' | 'datasync' | 'stat' | 'close'>;

export interface Contender {
  readonly name: string;
  open(path: string, flags: number): Promise<Handle>;
  close(): Promise<void>;
}

export const NODE = 'node';
export const ROUTED = 'routed';

const RINGS: Record<string, RingOptions> = {
  io_uring: { engine: 'io_uring', routing: false },
  threads: { engine: 'threads' },
  [ROUTED]: { engine: 'io_uring' },
};

export function contenders(): Contender[] {
  const node = {
    name: NODE,
    open: (path: string, flags: number) => fs.open(path, flags),
    close: async () => {},
  };
  return [node, ...Object.entries(RINGS).map(([name, options]) => onRing(name, options))];
}

function onRing(name: string, options: RingOptions): Contender {
  const ring = Ring.open(options);
  return {
    name,
    open: async (path, flags) => (await open(path, flags, 0o666, { ring })) as unknown as Handle,
    close: () => ring.close(),
  };
}
