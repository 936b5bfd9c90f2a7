// Figures 2 to 5 as drawings: a lane for the application, a lane for the kernel, and the calls and answers between them,
// all from recorded times.
import type { Mark, Read, Span, State } from '../../models/recording.js';
import type { Result } from '../../models/results.js';
import { type LegendItem, point } from '../html/elements.js';
import { type Content, type Html, html } from '../html/html.js';
import { axisBottom, linearScale, type Plot, type Scale } from '../html/scale.js';
import { formatNumber, formatRate } from '../units.js';

export const WIDTH = 1040;
export const HEIGHT = 232;

const PLOT: Plot = { left: 100, right: WIDTH - 10, top: 34, bottom: 190 };
const APPLICATION = { top: 52, height: 40 };
const KERNEL = { top: 136, height: 34 };
/** Rows of the table of all runs. */
const ROW = { height: 26, gap: 8, top: 10, left: 210 };

export const STATE_TEXT: Readonly<Record<State, string>> = {
  computing: 'computing',
  blocked: 'blocked in a system call',
  polling: 'asking again and again',
  idle: 'idle: nothing left to compute',
};
const IO_TEXT = 'the device is working on a block';
const READY_TEXT = 'data there, but the program does not have it yet';

export const LEGEND: readonly LegendItem[] = [
  { style: 'computing', text: STATE_TEXT.computing },
  { style: 'blocked', text: STATE_TEXT.blocked },
  { style: 'polling', text: STATE_TEXT.polling },
  { style: 'idle', text: STATE_TEXT.idle },
  { style: 'io', text: IO_TEXT },
  { style: 'ready', text: READY_TEXT },
];

/** The first `windowMs` of a run. */
export function drawRun({ recording }: Result, windowMs: number): Html {
  const scale = linearScale([0, windowMs], [PLOT.left, PLOT.right], 10);
  const inside = {
    spans: clipped(recording.spans, windowMs),
    marks: recording.marks.filter(({ at }) => at < windowMs),
  };
  return html`${axisBottom({ scale, format: formatMs, label: 'milliseconds from the beginning of the job' }, PLOT)}
<text class="lane" x="0" y="${APPLICATION.top + 25}">application</text>
<text class="lane" x="0" y="${KERNEL.top + 22}">kernel</text>
<rect class="rail" x="${PLOT.left}" y="${APPLICATION.top}" width="${PLOT.right - PLOT.left}" height="${APPLICATION.height}"/>
<rect class="rail" x="${PLOT.left}" y="${KERNEL.top}" width="${PLOT.right - PLOT.left}" height="${KERNEL.height}"/>
${inside.spans.map((span) => drawSpan(span, scale, windowMs))}
${recording.reads.map((read, i) => drawRead(read, i, scale, windowMs))}
${drawMarks(inside.marks, scale)}`;
}

function drawSpan(span: Span, scale: Scale, windowMs: number): Html {
  const { state, from } = span;
  const to = Math.min(span.to, windowMs);
  const text = textIn(onBar(span), scale, from, to, APPLICATION.top + 25);
  return point(spanLines(span), html`${bar(scale, from, to, APPLICATION)}${text}`, state);
}

function onBar({ state, call, calls }: Span): string {
  if (state === 'polling') return `${formatRate(calls)} × ${call}()`;
  return state === 'blocked' ? `in ${call}()` : state;
}

function spanLines({ state, from, to, block, call, calls }: Span): string[] {
  return [
    `${STATE_TEXT[state]}, ${formatMs(to - from)} ms`,
    ...(call === '' ? [] : [`${calls > 1 ? `${calls} × ` : ''}${call}()`]),
    `block ${block + 1}, from ${formatMs(from)} to ${formatMs(to)} ms`,
  ];
}

function drawRead({ asked, ready, taken }: Read, i: number, scale: Scale, windowMs: number): Content {
  if (asked >= windowMs) return null;
  const end = ready ?? taken;
  const io = point(
    [
      `I/O in progress, ${formatMs(end - asked)} ms`,
      `block ${i + 1}, from ${formatMs(asked)} to ${formatMs(end)} ms`,
      ...(ready === null ? [] : [`the application had it ${formatNumber((taken - ready) * 1000)} µs later`]),
    ],
    html`${bar(scale, asked, Math.min(end, windowMs), KERNEL)}${textIn(`block ${i + 1}`, scale, asked, Math.min(end, windowMs), KERNEL.top + 22)}`,
    'io',
  );
  if (ready === null || ready >= windowMs) return io;
  const waiting = point(
    [`${READY_TEXT}, ${formatNumber((taken - ready) * 1000)} µs`, `block ${i + 1}`],
    bar(scale, ready, Math.min(taken, windowMs), KERNEL),
    'ready',
  );
  return [io, waiting];
}

/** Where there is room for it. */
function textIn(text: string, scale: Scale, from: number, to: number, y: number): Content {
  const left = scale.at(from) + 8;
  if (left + text.length * CHARACTER > scale.at(to)) return null;
  return html`<text class="on-bar" x="${left}" y="${y}">${text}</text>`;
}

function bar(scale: Scale, from: number, to: number, lane: { top: number; height: number }): Html {
  const x = scale.at(from);
  // What is shorter than a line is drawn as a line.
  const width = Math.max(1.5, Math.round((scale.at(to) - x) * 100) / 100);
  return html`<rect x="${x}" y="${lane.top}" width="${width}" height="${lane.height}"/>`;
}

/** Texts nearer than this to their neighbour stand together. */
const TEXT_GAP = 12;
/** Width of a character, about. */
const CHARACTER = 7.8;
/** Answers are drawn a little to the right, because many come at the moment of the call. */
const ANSWER_SHIFT = 7;

/** Calls go down from the application to the kernel, answers up. */
function drawMarks(marks: readonly Mark[], scale: Scale): Html {
  return html`<g class="marks" aria-hidden="true">
${(['down', 'up'] as const).map((direction) =>
  drawDirection(
    marks.filter((mark) => mark.direction === direction),
    direction,
    scale,
  ),
)}</g>`;
}

function drawDirection(marks: readonly Mark[], direction: Mark['direction'], scale: Scale): Html[] {
  const [from, to] =
    direction === 'down'
      ? [APPLICATION.top + APPLICATION.height, KERNEL.top]
      : [KERNEL.top, APPLICATION.top + APPLICATION.height];
  // Calls above the application, answers between the lanes, where there is room for them.
  const y = direction === 'down' ? APPLICATION.top - 12 : KERNEL.top - 14;
  const drawn: Html[] = [];
  let textEnd = Number.NEGATIVE_INFINITY;
  let lastX = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < marks.length; ) {
    const at = scale.at(marks[i].at);
    const x = direction === 'up' ? at + ANSWER_SHIFT : at;
    const texts: string[] = [];
    for (; i < marks.length && scale.at(marks[i].at) - at < TEXT_GAP; i++) {
      if (texts.at(-1) !== marks[i].text) texts.push(marks[i].text);
    }
    if (x - lastX >= 3) {
      const tip = direction === 'down' ? to - 6 : to + 6;
      drawn.push(
        html`<path class="${direction}" d="M${x} ${from}V${to}M${x - 4} ${tip}L${x} ${to}L${x + 4} ${tip}"/>`,
      );
      lastX = x;
    }
    const text = texts.join(', ');
    const left = direction === 'up' ? x + 6 : x;
    if (left >= textEnd && left + text.length * CHARACTER < WIDTH) {
      drawn.push(html`<text x="${left}" y="${y}">${text}</text>`);
      textEnd = left + text.length * CHARACTER + 8;
    }
  }
  return drawn;
}

export function raceHeight(results: readonly Result[]): number {
  return ROW.top + results.length * (ROW.height + ROW.gap) + 44;
}

/** The whole run of every model, one below the other on one scale: who is done first, and with what the time went. */
export function drawRace(results: readonly Result[], nameOf: (result: Result) => string): Html {
  const longest = Math.max(...results.map(({ recording }) => recording.wallMs));
  const bottom = ROW.top + results.length * (ROW.height + ROW.gap);
  const plot: Plot = { left: ROW.left, right: WIDTH - 70, top: ROW.top, bottom };
  const scale = linearScale([0, longest], [plot.left, plot.right], 10);
  return html`${axisBottom({ scale, format: formatMs, label: 'milliseconds' }, plot)}
${results.map((result, row) => {
  const top = ROW.top + row * (ROW.height + ROW.gap);
  const { spans, wallMs } = result.recording;
  return html`<text x="0" y="${top + 18}">${nameOf(result)}</text>
${spans.map((span) =>
  point(
    [nameOf(result), ...spanLines(span)],
    bar(scale, span.from, span.to, { top, height: ROW.height }),
    span.state,
  ),
)}<text class="end" x="${scale.at(wallMs) + 8}" y="${top + 18}">${formatMs(wallMs)} ms</text>
`;
})}`;
}

function clipped(spans: readonly Span[], windowMs: number): Span[] {
  return spans.filter(({ from }) => from < windowMs);
}

/** Three digits, without zeros that say nothing: `10`, `8.25`. */
export function formatMs(ms: number): string {
  return String(Number(formatNumber(ms)));
}
