// Ctrl-C and kill: the transfers in flight are awaited, temporary files go, and the exit code is the shell's
// 128 + signal number. A second signal, or three seconds without an end, leaves at once: a disk that hangs must
// not keep the terminal.

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof EXIT_CODES;

const PATIENCE_MS = 3000;

/** Thrown by work that finds that it has been interrupted. */
export class Interrupted extends Error {
  override name = 'Interrupted';
  /** What the process exits with: 130 after SIGINT, 143 after SIGTERM. */
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('interrupted');
    this.exitCode = exitCode;
  }
}

export class Interrupt implements Disposable {
  #signal: StopSignal | null = null;
  readonly #onStop: (() => void)[] = [];
  readonly #onExit: (() => void)[] = [];
  readonly #handler = (signal: StopSignal): void => this.#stop(signal);
  readonly #exitHandler = (): void => this.#cleanUp();

  constructor() {
    for (const signal of Object.keys(EXIT_CODES)) process.on(signal, this.#handler);
    // The last resort, for whatever else ends the process: an uncaught error, process.exit().
    process.on('exit', this.#exitHandler);
  }

  get requested(): boolean {
    return this.#signal !== null;
  }

  /** 130 after SIGINT, 143 after SIGTERM; 0 when there was no signal. */
  get exitCode(): number {
    return this.#signal === null ? 0 : EXIT_CODES[this.#signal];
  }

  /** Call between two pieces of work. */
  throwIfRequested(): void {
    if (this.requested) throw new Interrupted(this.exitCode);
  }

  /** Runs when the first signal comes. */
  onStop(action: () => void): void {
    this.#onStop.push(action);
  }

  /** Runs once at the end, whatever way it comes. Must be synchronous. */
  onExit(action: () => void): void {
    this.#onExit.push(action);
  }

  [Symbol.dispose](): void {
    for (const signal of Object.keys(EXIT_CODES)) process.off(signal, this.#handler);
    process.off('exit', this.#exitHandler);
    this.#cleanUp();
  }

  #stop(signal: StopSignal): void {
    if (this.requested) process.exit(this.exitCode);
    this.#signal = signal;
    for (const action of this.#onStop) action();
    setTimeout(() => process.exit(this.exitCode), PATIENCE_MS).unref();
  }

  #cleanUp(): void {
    for (const action of this.#onExit.splice(0)) action();
  }
}
