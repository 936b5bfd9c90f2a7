// Finds the command that a command line names and runs it. A command is added by adding it to COMMANDS.
import { benchCommand } from './bench-command.js';
import { benchCompareCommand } from './bench-compare-command.js';
import type { Command, Io } from './command.js';
import { EXIT, helpFor } from './command.js';
import { doctorCommand } from './doctor-command.js';
import { overview } from './help.js';
import { modelsCommand } from './models-command.js';
import { readArguments } from './options.js';
import { didYouMean, nearest } from './suggest.js';
import { UsageError } from './usage-error.js';
import { packageVersion } from './version.js';

export const COMMANDS: readonly Command[] = [doctorCommand, modelsCommand, benchCommand, benchCompareCommand];

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
  const { command, rest } = findCommand(names);
  if (rest.length > 0) throw new UsageError(`unexpected argument '${rest[0]}'`);
  return show(helpFor(command), io);
}

/** The command with the longest name that the arguments begin with: `bench compare` before `bench`. */
function findCommand(args: readonly string[]): { command: Command; rest: readonly string[] } {
  const [first, second] = args;
  const names = COMMANDS.map((command) => command.name);
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(' ');
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (command === undefined) continue;
    // `bench compre`: what follows could be a file, but not with the name of a command but for a letter.
    const meant = words === 1 && second !== undefined ? nearest(`${first} ${second}`, names) : undefined;
    if (meant?.startsWith(`${first} `)) {
      throw new UsageError(`unknown command '${first} ${second}' (did you mean ${meant}?)`);
    }
    return { command, rest: args.slice(words) };
  }
  // `compare`, by itself, is the second word of one.
  const whole = names.find((name) => name.endsWith(` ${first}`));
  const words = [...names, 'help', '--help', '--version'];
  const suggestion = whole === undefined ? didYouMean(first, words) : ` (did you mean ${whole}?)`;
  throw new UsageError(`unknown ${first.startsWith('-') ? 'option' : 'command'} '${first}'${suggestion}`);
}

function show(text: string, io: Io): number {
  io.stdout.write(text);
  return EXIT.OK;
}
