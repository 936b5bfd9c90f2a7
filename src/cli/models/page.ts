// The report of `aio models` as one HTML page, for a projector: Figure 1 with the measured figures in it, a timeline for
// each of Figures 2 to 5, all runs side by side, and a table.
import type { Result } from '../../models/results.js';
import { figure, legend, table } from '../html/elements.js';
import { type Content, type Html, html, raw } from '../html/html.js';
import { renderPage, type Section } from '../html/page.js';
import { formatNumber, formatRate } from '../units.js';
import { drawRace, drawRun, HEIGHT, LEGEND, raceHeight, WIDTH } from './drawing.js';
import { type Findings, findingsToJson } from './findings.js';
import { cornerResult, figuresOf } from './matrix.js';
import { disturbance, jobInWords } from './report.js';

/** Blocks that a model without overlap has read at the right edge of its timeline. */
const BLOCKS_SHOWN = 2;

export function renderModelsPage(findings: Findings): string {
  const { environment, results, date, version } = findings;
  const { kernel, node, cpus, cpu } = environment;
  const busy = disturbance(results);
  return renderPage({
    title: 'I/O models, measured',
    lead: html`${jobInWords(findings)} What differs is who waits for whom.`,
    sections: sectionsFor(findings),
    footer: html`<p>aio models, linux-aio ${version}, ${date}. Linux ${kernel}, Node ${node}, ${cpus} × ${cpu}.
${busy !== '' && html`<strong>${busy}</strong> `}The figures are those of <cite>Boost application performance using asynchronous
I/O</cite> (M. Tim Jones, 2006), drawn from recorded times. Every event is in this page as JSON, in the element
<code>#data</code>.</p>`,
    data: findingsToJson(findings),
    styles: ['models.css'],
  });
}

function sectionsFor(findings: Findings): Section[] {
  const { results } = findings;
  return [
    { id: 'matrix', title: 'Two questions, four models', body: matrix(results) },
    { id: 'timelines', title: 'Who does what, when', body: timelines(findings) },
    { id: 'difference', title: 'Figure 4 or Figure 5?', body: difference(results) },
    { id: 'race', title: 'The whole job', body: race(results) },
    { id: 'table', title: 'All figures', body: allFigures(results) },
  ];
}

// ── Figure 1 ──────────────────────────────────────────────────────────────────────────────────────────────────

function matrix(results: readonly Result[]): Html {
  const cell = (asynchronous: boolean, blocking: boolean): Html => {
    const result = cornerResult(results, { asynchronous, blocking });
    if (result === undefined) return html`<td class="corner muted">not measured</td>`;
    const { model, measures } = result;
    return html`<td class="corner"><p><strong>${titleOf(result)}</strong> <a href="#run-${result.model.name}">Figure ${model.figure}</a></p>
<dl>${figuresOf(measures).map(({ label, value }) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl></td>`;
  };
  return html`<p>Does the <strong>call</strong> return before the data is there? If it does not, the thread stands still: it
<em>blocks</em>. And when the data comes, who finds out: does the program ask for it (<em>synchronous</em>), or is it
<em>told</em> (<em>asynchronous</em>)? This is Figure 1 of the article, with this machine's numbers in it.</p>
<div class="scroll"><table class="matrix">
<caption>Figure 1: the four basic models</caption>
<thead><tr><td></td><th scope="col">blocking<br><small>the thread stands still</small></th><th scope="col">non-blocking<br><small>the thread goes on</small></th></tr></thead>
<tbody>
<tr><th scope="row">synchronous<br><small>the program asks</small></th>${cell(false, true)}${cell(false, false)}</tr>
<tr><th scope="row">asynchronous<br><small>the program is told</small></th>${cell(true, true)}${cell(true, false)}</tr>
</tbody>
</table></div>
<p class="muted"><strong>CPU burnt waiting</strong>: CPU time that was not computing. <strong>Overlap</strong>: how much of the
computing was done while a read was in progress.</p>`;
}

// ── Figures 2 to 5 ────────────────────────────────────────────────────────────────────────────────────────────

function timelines(findings: Findings): Html {
  const { results, job } = findings;
  const windowMs = BLOCKS_SHOWN * (job.delayMs + job.computeMs);
  return html`<p>Read from left to right. The upper lane is the program's thread, the lower lane the kernel and the device.
Arrows down are calls; arrows up are answers. All timelines have the same scale: a model that gets further in the same time
is faster.</p>
<svg width="0" height="0" aria-hidden="true"><defs>${PATTERNS}</defs></svg>
${legend(LEGEND)}
${onePerModel(results).map((result) =>
  figure({
    id: `run-${result.model.name}`,
    title: `${result.model.figure === null ? '' : `Figure ${result.model.figure}: `}${titleOf(result)}.`,
    caption: html`${result.model.story} ${inNumbers(result)}`,
    width: WIDTH,
    height: HEIGHT,
    body: drawRun(result, windowMs),
  }),
)}`;
}

/** Stripes, so that the states differ in print and for eyes that see no colours. */
const PATTERNS = raw(`
<pattern id="stripes" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="stripe-back" width="8" height="8"/><rect class="stripe-front" width="4" height="8"/></pattern>
<pattern id="dots" width="7" height="7" patternUnits="userSpaceOnUse"><rect class="dot-back" width="7" height="7"/><circle class="dot-front" cx="3.5" cy="3.5" r="1.4"/></pattern>`);

function inNumbers({ measures, recording }: Result): string {
  const perBlock = formatRate(measures.systemCallsPerBlock);
  const blocked = `${formatNumber(measures.blockedMs)} of ${formatNumber(recording.wallMs)}\u00a0ms blocked`;
  return `System calls per block: ${perBlock}; ${blocked}; overlap ${Math.round(measures.overlapPercent)}\u00a0%.`;
}

function difference(results: readonly Result[]): Content {
  const four = results.find(({ model }) => model.figure === 4);
  const five = results.find(({ model }) => model.figure === 5);
  const numbers = (result: Result | undefined, text: (result: Result) => Content): Content =>
    result === undefined ? null : text(result);
  return html`<p>Both are asynchronous: in both <code>read</code> itself never waits. Look at what the thread does while the
device works.</p>
<div class="columns">
<div><h3>Figure 4: told that it <em>can read</em></h3>
<ol><li><code>read</code> says EAGAIN: nothing there yet.</li>
<li>The program calls <code>select</code> and <strong>stands still in it</strong> until the descriptor is readable.</li>
<li>The data is still in the kernel. The program calls <code>read</code> a second time to fetch it.</li></ol>
${numbers(
  four,
  ({
    measures,
  }) => html`<p>Measured: the thread stood still for <strong>${formatNumber(measures.blockedMs)} ms</strong>, and
<strong>${Math.round(measures.overlapPercent)} %</strong> of the computing was done meanwhile. Waiting costs no CPU, and one
<code>select</code> can wait for many descriptors: that is what it is good for.</p>`,
)}</div>
<div><h3>Figure 5: told that it <em>has been read</em></h3>
<ol><li><code>aio_read</code> hands over the request with a buffer, and returns.</li>
<li>The program <strong>computes</strong>. The kernel puts the data into the buffer by itself.</li>
<li>A signal or a function call says: it is done. There is nothing left to fetch.</li></ol>
${numbers(
  five,
  ({
    measures,
  }) => html`<p>Measured: the thread stood still for <strong>${formatNumber(measures.blockedMs)} ms</strong>, and
<strong>${Math.round(measures.overlapPercent)} %</strong> of the computing was done meanwhile.</p>`,
)}</div>
</div>
<p>So the same job takes the sum of both times in Figure 4, waiting <em>plus</em> computing, and the longer of them in Figure 5.</p>`;
}

// ── all of them ───────────────────────────────────────────────────────────────────────────────────────────────

function race(results: readonly Result[]): Html {
  return figure({
    id: 'all-runs',
    title: 'What the thread did from the first block to the last.',
    caption: 'One row per model and engine, all on one scale. A shorter row is a job done sooner.',
    width: WIDTH,
    height: raceHeight(results),
    legend: legend(LEGEND.filter(({ style }) => style !== 'io' && style !== 'ready')),
    body: drawRace(results, titleOf),
  });
}

function allFigures(results: readonly Result[]): Html {
  const number = (title: string, help: string) => ({ title, align: 'right' as const, help });
  const columns = [
    { title: 'model', align: 'left' as const },
    { title: 'engine', align: 'left' as const },
    number('time, ms', 'from the first request to the last piece of work'),
    number('blocked, ms', 'the thread was inside a system call that had not returned'),
    number('idle, ms', 'the thread had nothing left to compute'),
    number('CPU waiting, ms', 'CPU time of the process that was not computing'),
    number('system calls per block', 'made for reading; the requests to the device are not counted'),
    number('EAGAIN', 'how often the answer was: not yet'),
    number('overlap, %', 'how much of the computing was done while a read was in progress'),
    number('latency, µs', 'from the data being there to the program having it, median'),
  ];
  const rows = results.map(({ model, engine, measures }) => [
    model.title,
    engine ?? '',
    formatNumber(measures.wallMs),
    formatNumber(measures.blockedMs),
    formatNumber(measures.idleMs),
    formatNumber(measures.waitingCpuMs),
    formatRate(measures.systemCallsPerBlock),
    formatRate(measures.eagain),
    String(Math.round(measures.overlapPercent)),
    formatNumber(measures.latencyUs.median),
  ]);
  return table('Every model on every engine', columns, rows);
}

// ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Timelines of other engines look alike; their figures are in the table. */
function onePerModel(results: readonly Result[]): Result[] {
  return results.filter(({ model }, i) => results.findIndex((other) => other.model === model) === i);
}

function titleOf({ model, engine }: Result): string {
  return engine === null ? model.title : `${model.title} (${engine})`;
}
