// Reads the options of one command: node:util's parseArgs finds them, and this file turns what it would throw
// into messages that name the mistake, with a suggestion for misspelt names.
import { parseArgs } from 'node:util';
import { didYouMean } from './suggest.js';
import { wrap } from './table.js';
import { LINE_WIDTH } from './terminal.js';
import { UsageError } from './usage-error.js';

export interface OptionSpec {
  /** `flag`: no value. `value`: needs one. `switch`: fio's booleans, where `--direct`, `--direct=1` and `--direct 1` are one. */
  kind: 'flag' | 'value' | 'switch';
  /** What the help text shows for the value: `bytes`, `list`. */
  value?: string;
  help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** Every option given, by name. Flags and switches that are on have the value '1'. */
export type OptionValues = Readonly<Partial<Record<string, string>>>;

/** Understood by every command, so listed by none. */
const HELP: OptionSpec = { kind: 'flag', help: 'show this text' };

/** What a command takes besides options: the names of files. */
export interface OperandSpec {
  /** What the help text shows: `A.json B.json`, `[job.fio]`. */
  usage: string;
  min: number;
  max: number;
}

const NO_OPERANDS: OperandSpec = { usage: '', min: 0, max: 0 };

export interface Arguments {
  values: OptionValues;
  operands: readonly string[];
}

/**
 * Throws a UsageError for unknown options, missing or superfluous values, repeated options, and more operands than
 * the command takes. Too few are an error only without --help.
 */
export function readArguments(
  specs: OptionSpecs,
  args: readonly string[],
  operandSpec: OperandSpec = NO_OPERANDS,
): Arguments {
  const known: OptionSpecs = { ...specs, help: HELP };
  const { tokens } = parseArgs({
    args: spellOutSwitches(known, args),
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(known).map(([name, spec]) => [
        name,
        { type: spec.kind === 'flag' ? ('boolean' as const) : ('string' as const) },
      ]),
    ),
  });
  const values: Partial<Record<string, string>> = {};
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      if (operands.length === operandSpec.max) throw new UsageError(`unexpected argument '${token.value}'`);
      operands.push(token.value);
      continue;
    }
    if (token.rawName === '-h') {
      values['help'] = '1';
      continue;
    }
    const name = token.name;
    const spec = Object.hasOwn(known, name) ? known[name] : undefined;
    if (spec === undefined) {
      throw new UsageError(`unknown option '${token.rawName}'${didYouMean(name, Object.keys(known), '--')}`);
    }
    if (values[name] !== undefined && spec.kind !== 'flag') {
      throw new UsageError(`option --${name} is given twice`);
    }
    values[name] = checkedValue(name, spec, token.value);
  }
  if (operands.length < operandSpec.min && !values['help']) {
    throw new UsageError(`needs ${operandSpec.min} files: ${operandSpec.usage}`);
  }
  return { values, operands };
}

function checkedValue(name: string, spec: OptionSpec, value: string | undefined): string {
  if (spec.kind === 'flag') {
    if (value !== undefined) throw new UsageError(`option --${name} takes no value`);
    return '1';
  }
  // `--bs --iodepth 4`: a value that looks like an option is a forgotten value, not a value.
  if (value === undefined || value === '' || /^--\w/.test(value)) {
    throw new UsageError(`option --${name} needs a value: --${name} <${spec.value ?? 'value'}>`);
  }
  if (spec.kind === 'switch' && value !== '0' && value !== '1') {
    throw new UsageError(`option --${name} is 0 or 1, not '${value}'`);
  }
  return value;
}

/** parseArgs has no options with an optional value: `--direct` becomes `--direct=1` unless 0 or 1 follows. */
function spellOutSwitches(specs: OptionSpecs, args: readonly string[]): string[] {
  return args.map((arg, i) => {
    const isSwitch = arg.startsWith('--') && specs[arg.slice(2)]?.kind === 'switch';
    return isSwitch && args[i + 1] !== '0' && args[i + 1] !== '1' ? `${arg}=1` : arg;
  });
}

/** The option list of a help text, one or more lines per option. */
export function describeOptions(specs: OptionSpecs): string[] {
  const rows = Object.entries({ ...specs, help: HELP }).map(([name, spec]) => {
    const value =
      spec.kind === 'flag' ? '' : spec.kind === 'switch' ? '[=0|1]' : ` <${spec.value ?? 'value'}>`;
    return { left: `--${name}${value}`, help: spec.help };
  });
  const width = Math.max(...rows.map((row) => row.left.length));
  return rows.flatMap(({ left, help }) =>
    wrap(help, LINE_WIDTH - width - 4).map((line, i) => `  ${(i === 0 ? left : '').padEnd(width)}  ${line}`),
  );
}
