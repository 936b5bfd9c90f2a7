// The text of `aio help`, made from the command table.
import type { Command } from './command.js';

export function overview(commands: readonly Command[], version: string): string {
  const width = Math.max(...commands.map((command) => command.name.length), 'help'.length);
  const line = (name: string, summary: string): string => `  ${name.padEnd(width)}  ${summary}`;
  return `${[
    `aio ${version} – asynchronous I/O for Node.js, done by the Linux kernel`,
    '',
    'Usage: aio <command> [options]',
    '',
    'Commands:',
    ...commands.map((command) => line(command.name, command.summary)),
    line('help', 'this text; aio help <command> for one command'),
    '',
    'Options:',
    '  --version  print the version',
    '  --help     this text',
    '',
    'Exit codes: 0 done, 1 something failed, 2 wrong command line, 130 Ctrl-C',
  ].join('\n')}\n`;
}
