// Lines over a logarithmic axis: one per series, each named at its end.
import { figure, point } from './elements.js';
import { type Content, type Html, html } from './html.js';
import { marker } from './marker.js';
import type { Plot, Scale } from './scale.js';
import { axisBottom, axisLeft, linearScale, logScale } from './scale.js';

export interface SeriesPoint {
  x: number;
  y: number;
  /** How far the measurements lie apart, drawn as a whisker. */
  range?: readonly [low: number, high: number];
  /** Shown on hover and focus, and read: the most important line first. */
  details: readonly string[];
}

export interface Series {
  name: string;
  /** From 1 on: which colour and which mark. */
  number: number;
  points: readonly SeriesPoint[];
}

export interface LineChart {
  id: string;
  title: string;
  caption?: Content;
  width: number;
  height: number;
  x: { values: readonly number[]; format: (value: number) => string; label: string };
  y: {
    kind: 'linear' | 'log';
    /** Left out: from the values; a linear axis begins at 0. */
    domain?: readonly [number, number];
    format: (value: number) => string;
    label: string;
  };
  series: readonly Series[];
  /** 1 is the size for a few points; smaller for many. */
  markerScale?: number;
}

/** Room for the names of the series at the right end of their lines. */
const NAME_WIDTH = 84;
const NAME_HEIGHT = 16;
const WHISKER_STEP = 5;
/** Numbers on the axis that are closer than this would run into each other. */
const TICK_WIDTH = 38;

export function lineChart(chart: LineChart): Html {
  const { id, title, caption, width, height, x, y, series, markerScale = 1 } = chart;
  const plot: Plot = { left: 62, right: width - NAME_WIDTH, top: 30, bottom: height - 44 };
  const all = logScale(extent(x.values), [plot.left + 10, plot.right - 10]);
  const across = { ...all, ticks: apart(x.values, all) };
  const up = verticalScale(chart, plot);
  const drawn = series.filter(({ points }) => points.length > 0);
  const names = drawn.map(({ points }) => up.at(points[points.length - 1].y));
  const places = spread(names, plot.top, plot.bottom);
  return figure({
    id,
    title,
    caption,
    width,
    height,
    body: [
      axisLeft({ scale: up, format: y.format, label: y.label }, plot),
      axisBottom({ scale: across, format: x.format, label: x.label }, plot),
      drawn.map(({ number, points }) => {
        const path = points.map((p, i) => `${i === 0 ? 'M' : 'L'}${across.at(p.x)},${up.at(p.y)}`).join('');
        return html`<path class="series-${number}" d="${path}" aria-hidden="true"/>\n`;
      }),
      drawn.map(({ number, points }, i) =>
        points.map((p) =>
          point(
            p.details,
            // Whiskers beside each other: at the same place they would look like one.
            [
              whisker(across.at(p.x) + (i - (drawn.length - 1) / 2) * WHISKER_STEP, p.range, up),
              marker(number, across.at(p.x), up.at(p.y), markerScale),
            ],
            `series-${number}`,
          ),
        ),
      ),
      drawn.map(({ name, number, points }, i) => {
        const end = across.at(points[points.length - 1].x) + 10;
        return html`<text class="series-${number} name" x="${end}" y="${places[i] + 4}" aria-hidden="true">${name}</text>\n`;
      }),
    ],
  });
}

/** A line from low to high; nothing where it would not be seen beside the mark. */
export function whisker(x: number, range: SeriesPoint['range'], scale: Scale): Content {
  if (range === undefined) return null;
  const [low, high] = range.map((value) => scale.at(value));
  return html`<path class="whisker" d="M${x - 4},${low}h8m-4,0V${high}m-4,0h8"/>`;
}

function verticalScale({ y, series }: LineChart, plot: Plot): Scale {
  const range = [plot.bottom, plot.top] as const;
  const values = series.flatMap(({ points }) => points.flatMap((p) => [p.y, ...(p.range ?? [])]));
  const [low, high] = y.domain ?? extent(values);
  if (y.kind === 'log') return logScale(y.domain ?? [low / 1.3, high * 1.3], range);
  return linearScale(y.domain ?? [0, roundedUp(high)], range);
}

/** The next number that an axis from 0 to `high` would have. */
export function roundedUp(high: number): number {
  const [, step] = linearScale([0, high], [0, 1]).ticks;
  return Math.ceil((high / step) * (1 - 1e-9)) * step;
}

/** The least and the greatest; of nothing, and of values that are all the same, something with an extent. */
export function extent(values: readonly number[]): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (!Number.isFinite(low)) return [1, 10];
  return low === high ? [low / 2, high * 2] : [low, high];
}

/** Those of `values` that have room on the axis, from the last one back. */
function apart(values: readonly number[], scale: Scale): number[] {
  const kept: number[] = [];
  for (const value of values.toReversed()) {
    const next = kept.at(-1);
    if (next === undefined || scale.at(next) - scale.at(value) >= TICK_WIDTH) kept.push(value);
  }
  return kept;
}

/** Moves places that are too close to each other apart, keeping their order. */
export function spread(places: readonly number[], top: number, bottom: number): number[] {
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
  const moved = [...places];
  order.forEach((i, rank) => {
    const above = rank === 0 ? top - NAME_HEIGHT : moved[order[rank - 1]];
    moved[i] = Math.max(moved[i], above + NAME_HEIGHT);
  });
  order.toReversed().forEach((i, rank) => {
    const below = rank === 0 ? bottom + NAME_HEIGHT : moved[order[order.length - rank]];
    moved[i] = Math.min(moved[i], below - NAME_HEIGHT);
  });
  return moved;
}
