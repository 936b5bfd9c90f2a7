// Everything that `aio models` has found out, for its three reports.
import { type JobDescription, type Result, type ResultJson, resultToJson } from '../../models/results.js';
import type { Environment } from '../environment.js';

export interface Findings {
  job: JobDescription;
  environment: Environment;
  results: readonly Result[];
  /** Engines that are not there. */
  refusals: readonly { engine: string; reason: string }[];
  /** ISO 8601 */
  date: string;
  version: string;
}

export interface FindingsJson {
  'linux-aio version': string;
  date: string;
  environment: Environment;
  job: JobDescription;
  results: ResultJson[];
  not_available: Findings['refusals'];
}

export function findingsToJson(findings: Findings): FindingsJson {
  const { version, date, environment, job, results, refusals } = findings;
  return {
    'linux-aio version': version,
    date,
    environment,
    job,
    results: results.map(resultToJson),
    not_available: refusals,
  };
}
