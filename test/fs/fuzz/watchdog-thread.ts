// The thread of watchdog.ts. Everything in it is synchronous: nothing of the process has to work for it to report.
import fs from 'node:fs';
import process from 'node:process';
import { workerData } from 'node:worker_threads';
import type { WatchdogData } from './watchdog.js';

const { memory, headerBytes, hangMs, directory } = workerData as WatchdogData;
const header = new Int32Array(memory, 0, 2);

for (let turn = Atomics.load(header, 0); ; ) {
  // Nobody notifies: a turn that is still the same after all that time has hung for up to twice of it.
  Atomics.wait(header, 0, turn, hangMs);
  const now = Atomics.load(header, 0);
  if (now === turn && header[1] > 0) report();
  turn = now;
}

function report(): void {
  const what = Buffer.from(memory, headerBytes, header[1]).toString();
  fs.writeSync(2, `HANGS: ${what}\n${threads().join('\n')}\n`);
  fs.rmSync(directory, { recursive: true, force: true });
  process.kill(process.pid, 'SIGKILL');
}

/** What each thread waits for, by the kernel's name, with the system call and its arguments. */
function threads(): string[] {
  const tasks = '/proc/self/task';
  return fs.readdirSync(tasks).map((id) => {
    const lines = ['comm', 'wchan', 'syscall'].map((name) => {
      try {
        return fs.readFileSync(`${tasks}/${id}/${name}`, 'utf8').trim();
      } catch (error) {
        return (error as NodeJS.ErrnoException).code; // it has ended, or the kernel tells nobody
      }
    });
    return `  thread ${id} ${lines.join(', ')}`;
  });
}
