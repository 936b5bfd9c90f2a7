// Ratios around 1, one row each: how much larger or smaller, how sure, and whether that is good.
import { figure, point } from './elements.js';
import { type Content, type Html, html } from './html.js';
import type { Plot } from './scale.js';
import { axisBottom, logScale } from './scale.js';

export type RatioStyle = 'better' | 'worse' | 'same' | 'unclear';

export interface Ratio {
  /** The beginning of the row. */
  name: string;
  ratio: number;
  range: readonly [low: number, high: number];
  style: RatioStyle;
  details: readonly string[];
}

export interface RatioChart {
  id: string;
  title: string;
  caption?: Content;
  width: number;
  label: string;
  ratios: readonly Ratio[];
}

/** Marks around 0,0: up and down, an equals sign's dot, and a hollow one. */
const SHAPES: Readonly<Record<RatioStyle, string>> = {
  better: 'M0,-7l6,12h-12z',
  worse: 'M0,7l6,-12h-12z',
  same: 'M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z',
  unclear: 'M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z',
};

const ROW_HEIGHT = 26;
const NAME_WIDTH = 190;

/** Numbers on the axis that are closer than this would run into each other. */
const TICK_WIDTH = 28;

/** Ratios that are round numbers, and whose reciprocals are. */
const TICKS = [0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10];

export function ratioChart({ id, title, caption, width, label, ratios }: RatioChart): Html {
  const height = 30 + ratios.length * ROW_HEIGHT + 48;
  const plot: Plot = { left: NAME_WIDTH, right: width - 20, top: 20, bottom: height - 44 };
  // The same distance to both sides of 1, and never less than what two runs of one program differ by anyway.
  const most = Math.max(
    1.3,
    ...ratios.flatMap(({ range, ratio }) => [...range, ratio].map((r) => Math.max(r, 1 / r))),
  );
  const domain = [1 / (most * 1.05), most * 1.05] as const;
  const scale = logScale(domain, [plot.left, plot.right]);
  const round = most > 10 ? scale.ticks : TICKS.filter((tick) => tick >= domain[0] && tick <= domain[1]);
  const crowded = scale.at(1.25) - scale.at(1) < TICK_WIDTH;
  const ticks = round.filter((tick) => !crowded || (tick !== 0.8 && tick !== 1.25));
  const one = scale.at(1);
  return figure({
    id,
    title,
    caption,
    width,
    height,
    body: [
      axisBottom({ scale: { ...scale, ticks }, format: String, label }, plot),
      html`<line class="one" x1="${one}" x2="${one}" y1="${plot.top}" y2="${plot.bottom}" aria-hidden="true"/>\n`,
      ratios.map(({ name, ratio, range, style, details }, i) => {
        const y = plot.top + (i + 0.5) * ROW_HEIGHT;
        const [low, high] = range.map((value) => scale.at(value));
        return [
          html`<text x="${plot.left - 14}" y="${y + 4}" text-anchor="end" aria-hidden="true">${name}</text>\n`,
          point(
            details,
            html`<path class="whisker" d="M${low},${y - 4}v8m0,-4H${high}m0,-4v8"/><path d="${SHAPES[style]}" transform="translate(${scale.at(ratio)} ${y})"/>`,
            style,
          ),
        ];
      }),
    ],
  });
}

const LEGEND: Readonly<Record<RatioStyle, string>> = {
  better: 'better',
  worse: 'worse',
  same: 'the same',
  unclear: 'unclear: as large as the noise',
};

/** What the marks mean; once for any number of charts. */
export function ratioLegend(): Html {
  return html`<ul class="legend">
${Object.entries(LEGEND).map(
  ([style, text]) =>
    html`<li><svg width="16" height="16" aria-hidden="true"><path class="${style}" d="${SHAPES[style as RatioStyle]}" transform="translate(8 8)"/></svg>${text}</li>\n`,
)}</ul>
`;
}
