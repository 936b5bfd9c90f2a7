// What was measured, in one line: for the heads of reports and pages.
import { formatBytes } from '../units.js';
import type { Conditions } from './document.js';

/** `randrw (70 % reads), blocks of 4 KiB, 64 MiB, O_DIRECT`, after the job's name where it has one of its own. */
export function titleOf({ name, conditions }: { name: string; conditions: Conditions }): string {
  const { rw, rwmixread, bs, size, direct } = conditions;
  const readPercent = Number(rwmixread);
  const mix = readPercent > 0 && readPercent < 100 ? ` (${readPercent} % reads)` : '';
  return (
    `${name === rw ? '' : `${name}: `}${rw}${mix}, blocks of ${formatBytes(Number(bs))}, ` +
    `${formatBytes(Number(size))}, ${direct === '1' ? 'O_DIRECT' : 'through the page cache'}`
  );
}
