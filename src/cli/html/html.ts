// HTML as text, put together so that nothing can get in unescaped: html`<p>${anything}</p>`.

/** Text that is HTML already. Only `html` and `raw` make it. */
export class Html {
  readonly #text: string;

  /** @internal */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template: text and numbers are escaped, lists are joined, null and false are nothing. */
export type Content = Html | string | number | null | undefined | false | readonly Content[];

/** A template tag. Values in attributes must stand in double quotes: `<a title="${text}">`. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(strings.map((text, i) => (i === 0 ? '' : textOf(values[i - 1])) + text).join(''));
}

/** Text from this package's own files, taken as it is. */
export function raw(text: string): Html {
  return new Html(text);
}

/** A value that a `<script type="application/json">` holds, whatever its strings contain. */
export function jsonInScript(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll('<', '\\u003c'));
}

function textOf(value: Content): string {
  if (value === null || value === undefined || value === false) return '';
  if (Array.isArray(value)) return value.map(textOf).join('');
  return value instanceof Html ? value.toString() : escapeText(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
