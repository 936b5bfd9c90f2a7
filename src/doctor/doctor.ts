// doctor(): what this machine can do, and what stands in the way. The facts come from facts.ts and engines.ts,
// the judgement from advice.ts; docs/doctor.md explains every line to the user.
import { advise } from './advice.js';
import { tryEngines } from './engines.js';
import { gatherFacts } from './facts.js';
import type { DoctorReport, Facts } from './report.js';

/**
 * Looks at the kernel, the limits and the surroundings, and opens a small ring on every engine to see whether it
 * works. Takes milliseconds, changes nothing, never throws, and works (with a report that says what is missing)
 * on every system that Node runs on.
 */
export async function doctor(): Promise<DoctorReport> {
  const gathered = gatherFacts();
  const facts: Facts = { ...gathered, ...(await tryEngines(gathered.engineWanted)) };
  return {
    kernel: facts.kernel,
    platform: facts.platform,
    arch: facts.arch,
    node: facts.node,
    engines: facts.engines,
    chosen: facts.chosen,
    limits: facts.limits,
    seccomp: facts.seccomp,
    container: facts.container,
    advice: advise(facts),
  };
}

/**
 * The report as JSON. An unlimited limit, which JSON has no number for, becomes the string "unlimited"; a number
 * that could not be found out stays -1, and null stays "this kernel has no such switch".
 */
export function reportToJson(report: DoctorReport): string {
  return JSON.stringify(report, (_key, value) => (value === Infinity ? 'unlimited' : value), 2);
}
