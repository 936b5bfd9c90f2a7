// Finds the command that a command line names and runs it. A command is added by adding it to COMMANDS.
import { benchCommand } from './bench-command.js';
import type { Command, Io } from './command.js';
import { EXIT, helpFor } from './command.js';
import { doctorCommand } from './doctor-command.js';
import { overview } from './help.js';
import { readArguments } from './options.js';
import { didYouMean } from './suggest.js';
import { UsageError } from './usage-error.js';
import { packageVersion } from './version.js';

export const COMMANDS: readonly Command[] = [doctorCommand, benchCommand];

/** Runs the command line `args` (without node and script); resolves with the exit code. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  let command: Command | undefined;
  try {
    const [first, ...rest] = args;
    if (first === undefined || first === '--help' || first === '-h')
      return show(overview(COMMANDS, packageVersion()), io);
    if (first === '--version' || first === '-v') return show(`${packageVersion()}\n`, io);
    if (first === 'help') return help(rest, io);
    const found = findCommand(args);
    command = found.command;
    const { values, operands } = readArguments(command.options, found.rest, command.operands);
    if (values['help']) return show(helpFor(command), io);
    return await command.run(values, io, operands);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const name = command === undefined ? 'aio' : `aio ${command.name}`;
    io.stderr.write(`${name}: ${error.message}\nTry: ${name} --help\n`);
    return EXIT.USAGE;
  }
}

function help(names: readonly string[], io: Io): number {
  if (names.length === 0) return show(overview(COMMANDS, packageVersion()), io);
  return show(helpFor(findCommand(names).command), io);
}

/** The command with the longest name that the arguments begin with: `bench compare` before `bench`. */
function findCommand(args: readonly string[]): { command: Command; rest: readonly string[] } {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(' ');
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (command !== undefined) return { command, rest: args.slice(words) };
  }
  const known = [...COMMANDS.map((command) => command.name), 'help'];
  const kind = args[0].startsWith('-') ? 'option' : 'command';
  throw new UsageError(`unknown ${kind} '${args[0]}'${didYouMean(args[0], known)}`);
}

function show(text: string, io: Io): number {
  io.stdout.write(text);
  return EXIT.OK;
}
