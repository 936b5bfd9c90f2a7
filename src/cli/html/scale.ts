// From values to places in a drawing, and the axes that say so.
import { type Html, html } from './html.js';

export interface Scale {
  /** The place of a value, in the drawing's units. */
  at(value: number): number;
  /** Round values for the axis, within the domain. */
  readonly ticks: readonly number[];
}

/** Equal distances for equal differences, with about `count` ticks at 1, 2 or 5 times a power of ten. */
export function linearScale(
  domain: readonly [number, number],
  range: readonly [number, number],
  count = 5,
): Scale {
  const [first, last] = domain;
  const step = roundStep((last - first) / count);
  const ticks: number[] = [];
  // By multiplication: adding a step of 0.1 ten times is not 1.
  for (let n = Math.ceil(first / step); n * step <= last * (1 + 1e-9); n++)
    ticks.push(Number((n * step).toPrecision(12)));
  return { at: (value) => between(range, (value - first) / (last - first || 1)), ticks };
}

/** Fewer powers of ten than this do not tell where a value between them is. */
const POWERS_MIN = 3;

/**
 * Equal distances for equal ratios, with ticks at the powers of `base`; where these are few and `base` is ten, at 2 and
 * 5 times them too. All values must be more than 0.
 */
export function logScale(
  domain: readonly [number, number],
  range: readonly [number, number],
  base = 10,
): Scale {
  const [first, last] = domain.map(Math.log);
  const unit = Math.log(base);
  const ticksAt = (factor: number): number[] => {
    const found: number[] = [];
    const shift = Math.log(factor);
    for (let n = Math.ceil((first - shift) / unit - 1e-9); n * unit + shift <= last + 1e-9; n++)
      found.push(Number((factor * base ** n).toPrecision(12)));
    return found;
  };
  let ticks = ticksAt(1);
  if (base === 10 && ticks.length < POWERS_MIN) ticks = [1, 2, 5].flatMap(ticksAt).sort((a, b) => a - b);
  return { at: (value) => between(range, (Math.log(value) - first) / (last - first || 1)), ticks };
}

function between([from, to]: readonly [number, number], share: number): number {
  return Math.round((from + (to - from) * share) * 100) / 100;
}

function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step || 1));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= step * (1 - 1e-9))!;
}

export interface Axis {
  scale: Scale;
  format: (value: number) => string;
  /** What the values are, with the unit. */
  label: string;
}

/** Where the axes stand: the edges of the plot inside the drawing. */
export interface Plot {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A horizontal axis along the bottom of the plot, with lines up to its top. Hidden from screen readers: points say their values. */
export function axisBottom({ scale, format, label }: Axis, plot: Plot): Html {
  return html`<g class="axis" aria-hidden="true">
${scale.ticks.map((tick) => {
  const x = scale.at(tick);
  return html`<line x1="${x}" x2="${x}" y1="${plot.top}" y2="${plot.bottom}"/><text x="${x}" y="${plot.bottom + 16}" text-anchor="middle">${format(tick)}</text>
`;
})}<text class="label" x="${(plot.left + plot.right) / 2}" y="${plot.bottom + 34}" text-anchor="middle">${label}</text>
</g>
`;
}

/** A vertical axis along the left of the plot, with lines to its right edge; the label stands above it. */
export function axisLeft({ scale, format, label }: Axis, plot: Plot): Html {
  return html`<g class="axis" aria-hidden="true">
${scale.ticks.map((tick) => {
  const y = scale.at(tick);
  return html`<line x1="${plot.left}" x2="${plot.right}" y1="${y}" y2="${y}"/><text x="${plot.left - 8}" y="${y + 4}" text-anchor="end">${format(tick)}</text>
`;
})}<text class="label" x="${plot.left - 8}" y="${plot.top - 14}" text-anchor="start">${label}</text>
</g>
`;
}
