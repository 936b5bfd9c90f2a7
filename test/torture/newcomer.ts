// A thread that has no ring yet, and needs one when it is told to write: what it is answered where the system refuses
// another ring. All that takes time is over before, so that a limit of the whole system need last for a moment only.
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { doors, errnoOf } from './doors.js';
import { BLOCK, type Case } from './scene.js';

export class Newcomer {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** It has loaded what it needs when this resolves. */
  static async start(own: Case): Promise<Newcomer> {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: own });
    await once(worker, 'message');
    return new Newcomer(worker);
  }

  /** Opens a file and writes a block: its result. */
  async writes(): Promise<number> {
    this.#worker.postMessage(null);
    const [result] = await once(this.#worker, 'message');
    return result;
  }

  async end(): Promise<void> {
    const exit = once(this.#worker, 'exit');
    this.#worker.postMessage('end');
    await exit;
  }
}

async function write(own: Case): Promise<number> {
  try {
    const file = await doors[own.door](join(own.healthy, `newcomer-${process.pid}`), 'w+');
    try {
      return await file.write(new Uint8Array(BLOCK), 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    return errnoOf(error);
  }
}

if (parentPort !== null) {
  const port = parentPort;
  port.on('message', async (message) => {
    if (message === 'end') port.close();
    else port.postMessage(await write(workerData as Case));
  });
  port.postMessage('ready');
}
