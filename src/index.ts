// linux-aio: asynchronous I/O for Node.js, done by the Linux kernel.
export { doctor } from './doctor/doctor.js';
export type { Advice, DoctorReport } from './doctor/report.js';
export { BufferPool } from './file/buffer-pool.js';
export { File } from './file/file.js';
export type { Transfer } from './file/many.js';
export { open } from './file/open.js';
export type { OpenOptions } from './file/open-options.js';
export { defaultRing } from './ring/default.js';
export type { EngineName, RingOptions } from './ring/engine.js';
export type { Path } from './ring/requests.js';
export { Ring } from './ring/ring.js';
export type { Done } from './ring/slots.js';
export type { RingStats } from './ring/stats.js';
