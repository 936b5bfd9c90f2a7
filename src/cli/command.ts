// What a command of `aio` is: its options and help text as data, and a function that does the work.
import type { OperandSpec, OptionSpecs, OptionValues } from './options.js';
import { describeOptions } from './options.js';

/** 0: done. 1: something failed. 2: the command line is wrong. 130, 143: ended by SIGINT, SIGTERM. */
export const EXIT = { OK: 0, FAILED: 1, USAGE: 2 } as const;

export interface Io {
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}

export interface Command {
  /** One word or two: `doctor`, `bench compare`. */
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** Lines below the first of the help text. */
  description: readonly string[];
  options: OptionSpecs;
  /** Left out where the command takes options only. */
  operands?: OperandSpec;
  examples: readonly string[];
  exitCodes: readonly string[];
  /** Carries it out; resolves with the exit code. `operands` are as many as the command's `operands` allow. */
  run(values: OptionValues, io: Io, operands: readonly string[]): Promise<number>;
}

/** The whole help text of one command. */
export function helpFor(command: Command): string {
  const sections = [
    [`aio ${command.name} – ${command.summary}`],
    [`Usage: aio ${command.name} [options]${command.operands ? ` ${command.operands.usage}` : ''}`],
    command.description,
    ['Options:', ...describeOptions(command.options)],
    ['Examples:', ...command.examples.map((example) => `  ${example}`)],
    ['Exit codes:', ...command.exitCodes.map((line) => `  ${line}`)],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}
