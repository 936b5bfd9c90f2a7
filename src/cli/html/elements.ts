// The pieces pages are made of: figures with points that explain themselves, legends, tables.
import { type Content, type Html, html } from './html.js';

export interface Figure {
  /** Unique on the page. */
  id: string;
  /** What the figure shows, as its accessible name and as the caption's first words. */
  title: string;
  /** How to read it. */
  caption?: Content;
  width: number;
  height: number;
  /** SVG. Whatever has the class `point` can be reached with the arrow keys: see `point`. */
  body: Content;
  legend?: Html;
}

/** An SVG drawing with its caption. It is one stop of the Tab key; inside it the arrow keys go from point to point. */
export function figure({ id, title, caption, width, height, body, legend }: Figure): Html {
  return html`<figure id="${id}">
<figcaption id="${id}-caption"><strong>${title}</strong>${caption !== undefined && html` ${caption}`}</figcaption>
${legend}
<div class="scroll"><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="group" aria-labelledby="${id}-caption">
${body}
</svg></div>
</figure>
`;
}

/**
 * Something in a figure that has details: they are its accessible name, and shown beside it on hover and focus.
 *
 * @param lines the details, the most important first
 * @param shape SVG
 * @param style a class for colours: `series-1`, `running`
 */
export function point(lines: readonly string[], shape: Content, style = ''): Html {
  return html`<g class="point ${style}" role="img" aria-label="${lines.join('\n')}">${shape}</g>
`;
}

export interface LegendItem {
  /** The class that gives the colour in the figure. */
  style: string;
  text: string;
}

export function legend(items: readonly LegendItem[]): Html {
  return html`<ul class="legend">${items.map(
    ({ style, text }) =>
      html`<li><svg width="22" height="12" aria-hidden="true"><rect class="${style}" width="22" height="12" rx="2"/></svg>${text}</li>`,
  )}</ul>
`;
}

export interface HtmlColumn {
  title: Content;
  align: 'left' | 'right';
  /** An explanation, below the table: a `title` would reach neither touch nor keyboard nor paper. */
  help?: string;
}

/** A table whose first column names the rows. It scrolls sideways on a narrow screen. */
export function table(
  caption: string,
  columns: readonly HtmlColumn[],
  rows: readonly (readonly Content[])[],
): Html {
  return html`<div class="scroll"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(
    ({ title, align }) => html`<th scope="col" class="${align}">${title}</th>`,
  )}</tr></thead>
<tbody>
${rows.map(
  (row) =>
    html`<tr>${row.map((cell, i) => {
      const { align } = columns[i];
      return i === 0
        ? html`<th scope="row" class="${align}">${cell}</th>`
        : html`<td class="${align}">${cell}</td>`;
    })}</tr>
`,
)}</tbody>
</table></div>
${explanations(columns)}`;
}

function explanations(columns: readonly HtmlColumn[]): Content {
  const explained = columns.filter(({ help }) => help !== undefined);
  if (explained.length === 0) return null;
  return html`<dl class="explanations">${explained.map(({ title, help }) => html`<dt>${title}</dt><dd>${help}</dd>`)}</dl>
`;
}
