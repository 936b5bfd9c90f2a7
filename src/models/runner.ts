// Runs one model, in a process of its own: CPU time, descriptors and threads are those of the model alone, and its
// engine is chosen by LINUX_AIO_ENGINE, as for any program. Prints the recording as JSON.
import { alignedBuffer } from './aligned.js';
import { Job } from './job.js';
import { modelNamed } from './models.js';
import type { Recording } from './recording.js';
import { countAtTheDoor } from './system-calls.js';
import { BLOCKS_BEFORE, FD, type Task } from './task.js';
import { warmUp } from './work.js';

async function run({ model: name, source, blocks, blockBytes, units }: Task): Promise<Recording> {
  const model = modelNamed(name);
  const seekable = source === 'file';
  const buffer = alignedBuffer(blockBytes);
  const common = { fd: FD.DATA, requests: seekable ? -1 : FD.REQUESTS, buffer, units, seekable };
  warmUp();
  countAtTheDoor();
  await record(0, BLOCKS_BEFORE);
  return record(BLOCKS_BEFORE, blocks);

  async function record(first: number, count: number): Promise<Recording> {
    const job = new Job({ ...common, first, blocks: count });
    await model.run(job);
    return job.finish();
  }
}

try {
  process.stdout.write(JSON.stringify(await run(JSON.parse(process.argv[2]) as Task)));
} catch (error) {
  process.stderr.write((error as Error).message);
  process.exitCode = 1;
}
