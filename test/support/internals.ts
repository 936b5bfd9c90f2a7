// The package's inside, for the safeguards that cannot be seen from outside. Types are resolved from the source
// folder, modules from build/, which is one level deeper: hence two paths.
const load = (path: string) => import(new URL(`../../../dist/${path}`, import.meta.url).href);

export const ioUring = (await load('abi/io_uring.js')) as typeof import('../../dist/abi/io_uring.js');
export const errnos = (await load('abi/errno.js')) as typeof import('../../dist/abi/errno.js');
export const { native, CTL, SQE_OWN_DESCRIPTOR } = (await load(
  'abi/native.js',
)) as typeof import('../../dist/abi/native.js');
export const { coreOf } = (await load('ring/requests.js')) as typeof import('../../dist/ring/requests.js');
export const { engine: posixEngine } = (await load(
  'posix/engine.js',
)) as typeof import('../../dist/posix/engine.js');
export const { addressOf } = (await load('ring/memory.js')) as typeof import('../../dist/ring/memory.js');
export const slots = (await load('ring/slots.js')) as typeof import('../../dist/ring/slots.js');
export const { TURN_BUDGET_MS } = (await load(
  'ring/fairness.js',
)) as typeof import('../../dist/ring/fairness.js');
export const wholeFile = (await load('ring/whole-file.js')) as typeof import('../../dist/ring/whole-file.js');
export const { servesWholeFiles } = wholeFile;
export const { StreamReader } = (await load(
  'fs/stream-reader.js',
)) as typeof import('../../dist/fs/stream-reader.js');
export const { ReadAhead } = (await load(
  'file/read-ahead.js',
)) as typeof import('../../dist/file/read-ahead.js');
export const routing = (await load('ring/routing.js')) as typeof import('../../dist/ring/routing.js');
export const { PENDING, startTransfer, transfer } = (await load(
  'ring/transfer.js',
)) as typeof import('../../dist/ring/transfer.js');
export const memory = (await load('ring/memory.js')) as typeof import('../../dist/ring/memory.js');
/** What an engine for tests is made of. */
export const engines = {
  ...((await load('ring/queues.js')) as typeof import('../../dist/ring/queues.js')),
  ...((await load('ring/core.js')) as typeof import('../../dist/ring/core.js')),
};
