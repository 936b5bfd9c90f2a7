// The report of `aio models` as one HTML page, for a projector: Figure 1 with the measured figures in it, a timeline for
// each of Figures 2 to 5, all runs side by side, and a table.
import { storyOf } from '../../models/models.js';
import type { Result } from '../../models/results.js';
import { figure, legend, table } from '../html/elements.js';
import { type Content, type Html, html, raw } from '../html/html.js';
import { renderPage, type Section } from '../html/page.js';
import { formatNumber, formatRate } from '../units.js';
import { drawRace, drawRun, formatMs, HEIGHT, LEGEND, raceHeight, WIDTH } from './drawing.js';
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
    lead: html`${jobInWords(findings)} ${arithmetic(findings)}`,
    sections: sectionsFor(findings),
    footer: html`<p>aio models, linux-aio ${version}, ${date}. Linux ${kernel}, Node ${node}, ${cpus} × ${cpu}.
${busy !== '' && html`<strong>${busy}</strong> `}The figures follow those of <cite>Boost application performance using asynchronous
I/O</cite> (M. Tim Jones, 2006), drawn from recorded times. Every event is in this page as JSON, in the element
<code>#data</code>.</p>`,
    data: findingsToJson(findings),
    styles: ['models.css'],
  });
}

/** What each model is up against, before any of them is measured. */
function arithmetic({ job: { blocks, delayMs, computeMs } }: Findings): string {
  const sum = `${blocks} × (${formatMs(delayMs)} + ${formatMs(computeMs)}) = ${formatMs(blocks * (delayMs + computeMs))}`;
  const longer = formatMs(blocks * Math.max(delayMs, computeMs));
  return `One after the other that is ${sum} ms; both at the same time, ${longer} ms. Which model can do that, and at what price?`;
}

function sectionsFor(findings: Findings): Section[] {
  const { results } = findings;
  return [
    { id: 'matrix', title: 'Two questions, four models', body: matrix(results) },
    { id: 'timelines', title: 'Who does what, when', body: timelines(findings) },
    { id: 'difference', title: 'Figure 4 or Figure 5?', body: difference(findings) },
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
  return html`<p>Must the thread <strong>wait</strong> in a call until the data is there (<em>blocking</em>), or can it do something
else (<em>non-blocking</em>)? And when the data comes, must the program <strong>ask</strong> for it (<em>synchronous</em>), or is it
<em>told</em> (<em>asynchronous</em>)? This is Figure 1 of the article, with this machine's numbers in it.</p>
<div class="scroll"><table class="matrix">
<caption>Figure 1: the four basic models</caption>
<thead><tr><td></td><th scope="col">blocking<br><small>the thread waits</small></th><th scope="col">non-blocking<br><small>the thread goes on</small></th></tr></thead>
<tbody>
<tr><th scope="row">synchronous<br><small>the program asks</small></th>${cell(false, true)}${cell(false, false)}</tr>
<tr><th scope="row">asynchronous<br><small>the program is told</small></th>${cell(true, true)}${cell(true, false)}</tr>
</tbody>
</table></div>
<p class="muted"><strong>CPU burnt waiting</strong>: CPU time that was not spent computing. <strong>Overlap</strong>: how much of the
computing was done while a read was in progress. <strong>System calls</strong>: AIO makes more of them than <code>select</code> for one
block (to submit it, to wake the event loop, to deliver the signal), but not more when the device is slower.</p>`;
}

// ── Figures 2 to 5 ────────────────────────────────────────────────────────────────────────────────────────────

function timelines(findings: Findings): Html {
  const { results, job } = findings;
  const windowMs = BLOCKS_SHOWN * (job.delayMs + job.computeMs);
  return html`<p>Time runs from left to right. The upper lane is the program's thread, the lower lane the kernel and the device.
Arrows down are calls; arrows up are answers. All timelines have the same scale: a model that gets further in the same time
is faster.${job.source === 'file' && ' A regular file is always "ready", and O_NONBLOCK does nothing for it: so here Figures 3 and 4 turn into Figure 2, and only AIO overlaps.'}</p>
<svg width="0" height="0" aria-hidden="true"><defs>${PATTERNS}</defs></svg>
${legend(LEGEND)}
${onePerModel(results).map((result) =>
  figure({
    id: `run-${result.model.name}`,
    title: `${result.model.figure === null ? '' : `Figure ${result.model.figure}: `}${titleOf(result)}.`,
    caption: html`${storyOf(result.model, job.source)} ${inNumbers(result)}`,
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

function difference({ results, job }: Findings): Content {
  const four = results.find(({ model }) => model.figure === 4);
  const five = results.find(({ model }) => model.figure === 5);
  const numbers = (result: Result | undefined, text: (result: Result) => Content): Content =>
    result === undefined ? null : text(result);
  return html`<p>Both are called asynchronous, and in both <code>read</code> itself never waits. The difference is what the program is
told, and what its thread does until then.</p>
${job.source === 'file' && html`<p>(With a file, as here, there is nothing to compare: <code>select</code> cannot wait for a file. Run <code>aio models</code> with a pipe.)</p>`}
<div class="columns">
<div><h3>Figure 4: told <em>“you can read now”</em></h3>
<ol><li><code>read</code> says EAGAIN: nothing there yet.</li>
<li>The program calls <code>select</code> and <strong>is blocked in it</strong> until the descriptor is readable.</li>
<li>The data is still in the kernel. The program calls <code>read</code> a second time to fetch it.</li></ol>
${numbers(
  four,
  ({
    measures,
  }) => html`<p>Measured: the thread was blocked for <strong>${formatNumber(measures.blockedMs)} ms</strong>, and
<strong>${Math.round(measures.overlapPercent)} %</strong> of the computing was done meanwhile. Waiting costs no CPU, and one
<code>select</code> can wait for many descriptors: that is what it is good for. (A program may also compute first and call
<code>select</code> afterwards. Then data that comes early lies in the kernel until the program looks.)</p>`,
)}</div>
<div><h3>Figure 5: told <em>“it has been read”</em></h3>
<ol><li><code>aio_read</code> hands over the request with a buffer, and returns.</li>
<li>The program <strong>computes</strong>. Meanwhile the kernel puts the data into the buffer.</li>
<li>A signal or a callback says: done. There is nothing left to fetch.</li></ol>
${numbers(
  five,
  ({
    measures,
  }) => html`<p>Measured: the thread was blocked for <strong>${formatNumber(measures.blockedMs)} ms</strong>, and
<strong>${Math.round(measures.overlapPercent)} %</strong> of the computing was done meanwhile.</p>`,
)}</div>
</div>
<p>So in Figure 4 the job takes waiting <em>plus</em> computing; in Figure 5 it takes the <em>longer</em> of the two.</p>`;
}

// ── all of them ───────────────────────────────────────────────────────────────────────────────────────────────

function race(results: readonly Result[]): Html {
  return figure({
    id: 'all-runs',
    title: 'What the thread did from the first block to the last.',
    caption: 'One row per model and engine, all on one scale: the shorter, the sooner done.',
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
    number('CPU waiting, ms', 'CPU time of the process not spent computing'),
    number('system calls per block', 'made for reading; the request to the device is not counted'),
    number('EAGAIN', 'how often the answer was "not yet"'),
    number('overlap, %', 'how much of the computing was done while a read was in progress'),
    number('latency, µs', 'from the moment the data was there until the program had it, median'),
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
