// The turn of a ring: the requests that a program makes in one go, until it waits for something.
//
// The first of them is entered at once; the rest go together when the turn ends, in the microtask that the first one
// queued. `gather` makes one turn of many callbacks.
const RESOLVED = Promise.resolve();

export class Turn {
  readonly #over: () => void;
  #isOpen = false;
  #gathering = false;

  /** @param over the turn has ended */
  constructor(over: () => void) {
    this.#over = over;
  }

  /** A request of it has been made, or there is something to deliver when it ends. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The first request of a turn has been made: the turn ends in a microtask. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    if (!this.#gathering) void RESOLVED.then(this.#end);
  }

  /**
   * Runs `callbacks`, a turn of the microtask queue after each of them, as one turn of the ring: the first request that
   * they make goes to the kernel at once, the rest with `RingCore.flush` or when all of them have run.
   */
  gather(callbacks: () => void): void {
    this.#gathering = true;
    try {
      callbacks();
    } finally {
      this.#gathering = false;
      if (this.#isOpen) this.#end();
    }
  }

  readonly #end = (): void => {
    this.#isOpen = false;
    this.#over();
  };
}
