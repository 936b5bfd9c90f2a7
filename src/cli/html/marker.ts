// The marks of a line: a shape for each series, so that colour is not the only thing to tell them apart.
import { type Html, html } from './html.js';

const RADIUS = 5;

/** Paths around 0,0, by the number of the series. */
const SHAPES = [
  // circle
  `M${-RADIUS},0a${RADIUS},${RADIUS} 0 1,0 ${2 * RADIUS},0a${RADIUS},${RADIUS} 0 1,0 ${-2 * RADIUS},0z`,
  // square
  `M-4.5,-4.5h9v9h-9z`,
  // triangle
  `M0,-6l5.5,10h-11z`,
  // diamond
  `M0,-6.5l6.5,6.5l-6.5,6.5l-6.5,-6.5z`,
  // triangle on its head
  `M0,6l5.5,-10h-11z`,
];

/** `series` counts from 1, as the classes `series-1` … do. */
export function marker(series: number, x: number, y: number, scale = 1): Html {
  const path = SHAPES[(series - 1) % SHAPES.length];
  const size = scale === 1 ? '' : ` scale(${scale})`;
  return html`<path d="${path}" transform="translate(${x} ${y})${size}"/>`;
}
