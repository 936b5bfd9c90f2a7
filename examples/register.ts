// A program that knows nothing of linux-aio, run with it: node --import linux-aio/register. What it does to files is
// seen on the tracing channel.
import { execFileSync } from 'node:child_process';

const program = `
  import { tracingChannel } from 'node:diagnostics_channel';
  import fs from 'node:fs';
  import { stat } from 'node:fs/promises';

  tracingChannel('linux-aio.operation').subscribe({
    asyncEnd: ({ operation, api, path, error }) => console.log(operation, api, path, error?.code ?? 'done'),
  });
  await stat('/etc');
  fs.readFile('/nowhere', () => {});
`;
const args = ['--import', 'linux-aio/register', '--input-type=module', '-e', program];
process.stdout.write(execFileSync(process.execPath, args, { cwd: import.meta.dirname }));
