// One line on a terminal that says what is going on, rewritten in place; nothing at all in a pipe or a file.

/** Often enough to look alive, seldom enough to cost nothing. */
const INTERVAL_MS = 100;

export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #enabled: boolean;
  #shown = false;
  #last = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#enabled = stream.isTTY === true;
  }

  /** Shows the line that `text` makes, unless one was shown a moment ago. */
  update(text: () => string): void {
    if (!this.#enabled) return;
    const now = Date.now();
    if (now - this.#last < INTERVAL_MS) return;
    this.#last = now;
    this.#shown = true;
    const columns = this.#stream.columns || 80; // 0 on a terminal that does not know its size
    // Cut, because a line that wraps cannot be rewritten in place.
    this.#stream.write(`\r\u001b[K${text().slice(0, columns - 1)}`);
  }

  clear(): void {
    if (!this.#shown) return;
    this.#stream.write('\r\u001b[K');
    this.#shown = false;
    this.#last = 0;
  }
}
