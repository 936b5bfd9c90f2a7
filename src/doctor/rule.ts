// What a rule of advice is.
import type { Advice, Facts } from './report.js';

export interface Rule {
  /** For the tests and for reading the table; not printed. */
  id: string;
  level: Advice['level'];
  when(facts: Facts): boolean;
  text(facts: Facts): string;
  command?(facts: Facts): string | undefined;
}
