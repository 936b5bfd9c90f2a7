// A sync covers the writes that were called before it (POSIX.1-2017, aio_fsync). The ring sees to that for requests. But
// one write of a File may take several: it goes on after a short one (a full device, a signal, 2 GiB at a time), is made
// again, waits for its turn, or is a list. The ring cannot know of requests that are yet to come, so those writes are
// counted here.
//
// They are not promises with a reaction of ours: V8 shows the caller in an error's stack only where each promise on the
// way has one.

export class LongWrites {
  /** numbers of those that are not over, the oldest first */
  readonly #running = new Set<number>();
  #begun = 0;
  #waiting: { before: number; resolve: () => void }[] = [];

  /** How many there were, ever. */
  get begun(): number {
    return this.#begun;
  }

  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  /** A write has more requests to make than the ring has been given. Its number, for `end`. */
  begin(): number {
    const number = this.#begun++;
    this.#running.add(number);
    return number;
  }

  /** The write is over, whatever became of it. */
  end(number: number): void {
    this.#running.delete(number);
    if (this.#waiting.length === 0) return;
    const [oldest = Number.POSITIVE_INFINITY] = this.#running;
    const ready = this.#waiting.filter(({ before }) => oldest >= before);
    this.#waiting = this.#waiting.filter(({ before }) => oldest < before);
    for (const { resolve } of ready) resolve();
  }

  /** Resolves when those of now are over. */
  over(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ before: this.#begun, resolve });
    });
  }
}
