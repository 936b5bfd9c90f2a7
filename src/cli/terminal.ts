// What may be written where: colour only on a terminal and without NO_COLOR, progress only when stderr is a
// terminal, and silence when the reader of our output has gone away.
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Gives `text` a style, or gives it back as it is where colour is not wanted. */
export type Painter = (style: Style, text: string) => string;

/** The lines of a report are never longer than this, whatever the terminal's width: they get pasted into mails. */
export const LINE_WIDTH = 80;

/** Whether colour may be written to `stream`. NO_COLOR counts when it is set and not empty (https://no-color.org). */
export function wantsColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env['NO_COLOR']) return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

export function painterFor(stream: { isTTY?: boolean }, env?: NodeJS.ProcessEnv): Painter {
  if (!wantsColour(stream, env)) return (_style, text) => text;
  // The stream was judged above; without validateStream: false newer Nodes would judge process.stdout again.
  return (style, text) => styleText(style, text, { validateStream: false });
}

/**
 * A reader that goes away (`aio doctor | head -1`) makes writes fail with EPIPE. That is no failure of ours: the
 * rest of the output is dropped, and the exit code stays what the command found out. Any other failure (a full disk
 * behind `>`) ends the process with 1: the report is not where it was wanted.
 */
export function watchOutput(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    if (stream !== process.stderr)
      process.stderr.write(`aio: the output cannot be written: ${error.message}\n`);
    process.exit(1);
  });
}
