// Bars in groups, from zero: one bar per series, its value above it.
import { figure, legend, point } from './elements.js';
import { type Content, type Html, html } from './html.js';
import { extent, roundedUp, whisker } from './line-chart.js';
import type { Plot } from './scale.js';
import { axisLeft, linearScale } from './scale.js';

export interface Bar {
  /** From 1 on: which colour. */
  number: number;
  name: string;
  value: number;
  range?: readonly [low: number, high: number];
  details: readonly string[];
}

export interface BarChart {
  id: string;
  title: string;
  caption?: Content;
  width: number;
  height: number;
  y: {
    format: (value: number) => string;
    /** Of the values above the bars, where they have other digits than the axis. */
    formatValue?: (value: number) => string;
    label: string;
  };
  /** What the groups are. */
  label: string;
  groups: readonly { name: string; bars: readonly Bar[] }[];
}

const BAR_WIDTH_MAX = 56;

export function barChart({ id, title, caption, width, height, y, label, groups }: BarChart): Html {
  const { formatValue = y.format } = y;
  const plot: Plot = { left: 62, right: width, top: 30, bottom: height - 44 };
  const bars = groups.flatMap((group) => group.bars);
  const [, high] = extent(bars.flatMap((bar) => [bar.value, ...(bar.range ?? [])]));
  // Room above the highest bar for its value.
  const up = linearScale([0, roundedUp(high * 1.05)], [plot.bottom, plot.top]);
  const groupWidth = (plot.right - plot.left) / groups.length;
  const barsMax = Math.max(...groups.map((group) => group.bars.length));
  const barWidth = Math.min(BAR_WIDTH_MAX, (groupWidth * 0.8) / barsMax);
  const named = new Map(bars.map((bar) => [bar.number, bar.name]));
  return figure({
    id,
    title,
    caption,
    width,
    height,
    legend: legend([...named].map(([number, text]) => ({ style: `series-${number}`, text }))),
    body: [
      axisLeft({ scale: up, format: y.format, label: y.label }, plot),
      groups.map((group, i) => {
        const middle = plot.left + (i + 0.5) * groupWidth;
        const first = middle - (group.bars.length * barWidth) / 2;
        return [
          group.bars.map((bar, k) => {
            const x = first + k * barWidth;
            const top = up.at(bar.value);
            const rect = html`<rect x="${x + 2}" y="${top}" width="${barWidth - 4}" height="${plot.bottom - top}" rx="2"/>`;
            const shape = [rect, html`<g class="on-bar">${whisker(x + barWidth / 2, bar.range, up)}</g>`];
            // Above the whisker too.
            const edge = Math.min(top, ...(bar.range ?? []).map((value) => up.at(value)));
            return [
              point(bar.details, shape, `series-${bar.number}`),
              html`<text x="${x + barWidth / 2}" y="${edge - 6}" text-anchor="middle" aria-hidden="true">${formatValue(bar.value)}</text>\n`,
            ];
          }),
          html`<g class="axis" aria-hidden="true"><text x="${middle}" y="${plot.bottom + 16}" text-anchor="middle">${group.name}</text></g>\n`,
        ];
      }),
      html`<g class="axis" aria-hidden="true"><text class="label" x="${(plot.left + plot.right) / 2}" y="${plot.bottom + 34}" text-anchor="middle">${label}</text></g>\n`,
    ],
  });
}
