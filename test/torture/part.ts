// What `npm run torture` is made of: parts. A part is one promise of docs/reliability.md and a round that tries to break
// it; run.ts makes thousands of rounds of each, sample.test.ts a few, in every `npm test`.
import type { EngineName } from 'linux-aio';
import type { Random } from '../differential/random.js';

export interface Part {
  /** `folder/name`, by which it is selected */
  readonly name: string;
  /** what is promised, in one sentence */
  readonly promise: string;
  /** rounds per engine: in `npm test`, and in `npm run torture` */
  readonly rounds: { readonly sample: number; readonly full: number };
  /** 'each' engine in turn, or 'none': what it tries does not depend on one, so once is enough */
  readonly engines: 'each' | 'none';
  /** Why it cannot be tried here; false where it can. */
  unavailable?(): string | false;
  /** Prepares for rounds on one engine. */
  open(place: Place): Promise<Trial> | Trial;
}

/** Where rounds take place. */
export interface Place {
  readonly engine: EngineName;
  /** an empty directory, removed afterwards */
  readonly directory: string;
  /** a note on the progress line */
  note(text: string): void;
  /** what this round tries: one fault through one door, for the table of docs/reliability.md */
  tries(fault: string, door: string): void;
}

export interface Trial {
  /**
   * One round; throws when the promise is broken.
   *
   * @param random decides everything that the round decides: the same seed, the same round
   * @returns what was counted
   */
  round(random: Random, seed: number): Promise<Counts> | Counts;
  close?(): Promise<void> | void;
}

/** Sums over all rounds; a key that begins with `max ` keeps the largest instead. */
export type Counts = Readonly<Record<string, number>>;

export function add(totals: Record<string, number>, counts: Counts): void {
  for (const [name, value] of Object.entries(counts)) {
    const before = totals[name] ?? 0;
    totals[name] = name.startsWith('max ') ? Math.max(before, value) : before + value;
  }
}

/** The sums in a fixed order, for people. */
export function describeCounts(counts: Counts): string {
  return Object.entries(counts)
    .map(([name, value]) => `${value.toLocaleString('en')} ${name}`)
    .join(', ');
}
