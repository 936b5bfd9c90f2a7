// linux-aio: asynchronous I/O for Node.js, done by the Linux kernel.

export type { RingStats } from './ring/core.js';
export { defaultRing } from './ring/default.js';
export type { EngineName, RingOptions } from './ring/engine.js';
export type { Path } from './ring/requests.js';
export { Ring } from './ring/ring.js';
export type { Done } from './ring/slots.js';
