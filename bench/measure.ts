// One workload, all its contestants: A B C A B C …, a slice each, so that whatever else the machine is doing falls on
// all alike. Each contestant has a process of its own that lives for the workload; the first slice of each, which
// compiles the code, is thrown away.
import { type Contestant, type ContestantId, takesPart } from './contestants/index.js';
import type { Fixtures } from './fixtures.js';
import { Fio, Host, Program, type Programs, type Runner } from './runners.js';
import type { Outcome, Slice } from './slice.js';
import type { Workload } from './workload.js';

export interface Measured {
  workload: Workload;
  /** outcomes by round; a contestant that failed has none */
  outcomes: Map<ContestantId, Outcome[]>;
  failures: Map<ContestantId, string>;
  complaints: Map<ContestantId, string>;
  /** why nobody could run it here */
  skipped?: string;
}

export interface Plan {
  rounds: number;
  milliseconds: number;
  fixtures: Fixtures;
  programs: Programs;
  progress(text: string): void;
}

function start(contestant: Contestant, workload: Workload, { programs }: Plan): Runner | Promise<Runner> {
  if (contestant.program === 'fio') return new Fio();
  if (contestant.program) return new Program(programs[contestant.program]!, workload);
  return Host.start(contestant);
}

/** What must not outlive the parent. */
export const runners = new Set<Runner>();

let stamps = 0;

export async function measure(workload: Workload, contestants: Contestant[], plan: Plan): Promise<Measured> {
  const measured: Measured = {
    workload,
    outcomes: new Map(),
    failures: new Map(),
    complaints: new Map(),
  };
  plan.progress('preparing files');
  let path: string;
  try {
    path = await plan.fixtures.path(workload.fixture);
    workload.warm?.(path);
  } catch (error) {
    return { ...measured, skipped: (error as Error).message }; // no O_DIRECT here, no room
  }

  const racing = new Map<Contestant, Runner>();
  const drop = (contestant: Contestant, error: unknown) => {
    measured.failures.set(contestant.id, error instanceof Error ? error.message : String(error));
    measured.outcomes.delete(contestant.id);
    const runner = racing.get(contestant);
    runner?.kill();
    if (runner) runners.delete(runner);
    racing.delete(contestant);
  };

  for (const contestant of contestants) {
    if (!takesPart(contestant, workload)) continue;
    try {
      const runner = await start(contestant, workload, plan);
      runners.add(runner);
      racing.set(contestant, runner);
      measured.outcomes.set(contestant.id, []);
    } catch (error) {
      drop(contestant, error);
    }
  }

  for (let round = 0; round <= plan.rounds; round++) {
    for (const [contestant, runner] of racing) {
      const warmUp = round === 0;
      plan.progress(`${warmUp ? 'warm-up' : `round ${round} of ${plan.rounds}`}, ${contestant.title}`);
      const slice: Slice = {
        workload: workload.id,
        path,
        depth: workload.depth,
        size: workload.size,
        count: workload.count,
        direct: workload.direct ?? false,
        perFolder: workload.perFolder ?? 1,
        milliseconds: warmUp ? Math.min(plan.milliseconds, 500) : plan.milliseconds,
        seed: (0x9e3779b9 * (round + 1)) >>> 0, // the same for all of a round
        stamp: ++stamps,
      };
      try {
        workload.reset?.(path, slice);
        const outcome = await runner.run(slice);
        workload.check?.(path, slice, outcome);
        if (!warmUp) measured.outcomes.get(contestant.id)!.push(outcome);
      } catch (error) {
        drop(contestant, error);
      }
    }
  }

  for (const [contestant, runner] of racing) {
    const complaint = await runner.close();
    if (complaint) measured.complaints.set(contestant.id, complaint);
    runners.delete(runner);
  }
  return measured;
}
