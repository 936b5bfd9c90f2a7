// Sizes, times and rates: how they are read from the command line (as fio reads them) and how they are printed.

/** Each suffix is a power of 1024, in either case, as in fio: 4k is 4096. */
const SIZE_SUFFIXES = 'kmgtp';

/** Seconds per suffix; fio's. A bare number is seconds. */
const TIME_SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  us: 1e-6,
  usec: 1e-6,
  ms: 1e-3,
  msec: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
};

/**
 * Bytes of a fio size: `4096`, `4k`, `64m`, `1g`, `4kb`, `0x1000`. Throws a RangeError saying what is expected.
 *
 * `4Ki` is refused: fio means 4000 by it and everybody else 4096
 * (https://fio.readthedocs.io/en/latest/fio_doc.html, kb_base).
 */
export function parseSize(text: string): number {
  const match = /^(0x[\da-f]+|\d+(?:\.\d+)?)([kmgtp]?)b?$/i.exec(text.trim());
  if (!match) throw new RangeError(`'${text}' is not a size; write 4096, 4k, 64m or 1g (k = 1024)`);
  const power = match[2] === '' ? 0 : SIZE_SUFFIXES.indexOf(match[2].toLowerCase()) + 1;
  const bytes = Number(match[1]) * 1024 ** power;
  if (!Number.isSafeInteger(bytes)) throw new RangeError(`'${text}' is not a whole number of bytes`);
  return bytes;
}

/** Seconds of a fio time: `4`, `4s`, `500ms`, `1m`. Throws a RangeError saying what is expected. */
export function parseSeconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|usec|ms|msec|s|m|h|d)?$/.exec(text.trim());
  if (!match) throw new RangeError(`'${text}' is not a time; write 4, 500ms or 2m (seconds without a unit)`);
  return Number(match[1]) * TIME_SUFFIXES[match[2] ?? ''];
}

/** A whole number of `text` within [min, max]. Throws a RangeError saying what is expected. */
export function parseInteger(text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new RangeError(`'${text}' is not a whole number from ${min} to ${max}`);
  }
  return value;
}

/** A byte count for people: `4 KiB`, `64 MiB`, `1.5 GiB`, `unlimited`. */
export function formatBytes(bytes: number): string {
  if (bytes === Infinity) return 'unlimited';
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(value < 10 ? 1 : 0))} ${units[unit]}`;
}

/** At least three significant digits and never an exponent: `0.031`, `1.24`, `48.3`, `1204`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value >= 100 || value === 0) return Math.round(value).toString();
  if (value >= 10) return value.toFixed(1);
  return value.toFixed(value >= 1 ? 2 : 3);
}

/** A rate in thousands or millions, three digits: `912`, `22.4k`, `734k`, `1.20M`. */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return '–';
  // 999.5 and not 1000, so that what rounds to 1000 becomes 1.00k.
  if (perSecond < 999.5) return Math.round(perSecond).toString();
  if (perSecond < 999_500) return `${(perSecond / 1e3).toPrecision(3)}k`;
  return `${(perSecond / 1e6).toPrecision(3)}M`;
}
