// `Ring`: a submission queue and a completion queue shared with the kernel. Its operations are in requests.ts, their
// machinery in core.ts; here are a ring's own life and its control.
import * as control from './control.js';
import { RingCore } from './core.js';
import { type EngineName, openEngine, type RingOptions } from './engine.js';
import { closedError } from './errors.js';
import { hasOperation, operationNames } from './operations.js';
import { coreOf, RingOperations } from './requests.js';
import type { Done } from './slots.js';
import type { RingStats } from './stats.js';
import { checkDone, checkInt32, invalidType } from './validate.js';

export class Ring extends RingOperations implements Disposable {
  #closing: Promise<void> | null = null;

  /**
   * Opens a ring.
   *
   * @throws with `code` EPERM, ENOSYS, ENOMEM or EMFILE and the reason when the system refuses one
   */
  static open(options: RingOptions = {}): Ring {
    if (typeof options !== 'object' || options === null)
      throw invalidType('options', 'of type object', options);
    let core: RingCore | null = null;
    const { engine, openCompanion } = openEngine(options, () => core?.onWake());
    core = new RingCore(engine, openCompanion);
    return new Ring(core);
  }

  /** Which of the three ways serves this ring. */
  get engine(): EngineName {
    return coreOf(this).ports.primary.engine.name;
  }

  /** Names of the operations (methods of this class) that the engine has on this kernel. */
  get operations(): readonly string[] {
    const { ports } = coreOf(this);
    return operationNames((op) => ports.serves(op));
  }

  /** Whether the engine has the operation that the method of this name needs. */
  supports(operation: string): boolean {
    const { ports } = coreOf(this);
    return hasOperation((op) => ports.serves(op), operation);
  }

  /** Requests made and not delivered. */
  get inFlight(): number {
    return coreOf(this).slots.live;
  }

  /** Monotonic counters; they keep their last values after `close`. */
  get stats(): RingStats {
    return coreOf(this).stats;
  }

  /** True from the moment `close` has freed the ring. */
  get closed(): boolean {
    return coreOf(this).closed;
  }

  /**
   * Asks for request `id` to be cancelled. `done` gets 0 when it was found, -ENOENT when it is over, -EALREADY when
   * it is running and cannot be stopped. The request's own callback gets its own result: -ECANCELED, or what it had
   * done before.
   */
  cancel(id: number, done: Done): void {
    if (typeof id !== 'number') throw invalidType('id', 'of type number', id);
    checkDone(done);
    control.cancel(this.#open(), id, done);
  }

  /** Hands everything queued to the kernel now, in one system call. How many requests were handed over. */
  flush(): number {
    return this.#open().flush();
  }

  /**
   * Blocks this thread until `min` results have been delivered (fewer if no more are outstanding) or `timeout` ms
   * have passed; no limit without it. Callbacks run inside. How many were delivered.
   */
  wait(min = 1, timeout = -1): number {
    checkInt32('min', min, 0);
    if (typeof timeout !== 'number' || Number.isNaN(timeout))
      throw invalidType('timeout', 'of type number', timeout);
    return control.wait(this.#open(), min, timeout);
  }

  /** In-flight requests keep the process alive (as they do by default). */
  ref(): this {
    return this.#setUnref(0);
  }

  /** In-flight requests do not keep the process alive. */
  unref(): this {
    return this.#setUnref(1);
  }

  #setUnref(value: number): this {
    const core = this.#open();
    core.ports.setUnref(value);
    return this;
  }

  #open(): RingCore {
    const core = coreOf(this);
    if (core.closed) throw closedError();
    return core;
  }

  /**
   * With no arguments: cancels what is in flight, waits for it, and frees the ring. Every callback has run when the
   * promise resolves. With a descriptor: `close(2)` of it, 0 or -errno to `done`.
   */
  close(): Promise<void>;
  close(fd: number, done: Done): number;
  close(fd?: number, done?: Done): Promise<void> | number {
    if (fd !== undefined || done !== undefined) return this.closeDescriptor(fd!, done!);
    this.#closing ??= control.close(coreOf(this));
    return this.#closing;
  }

  /** As `close()`, but blocks the thread until all is over. */
  [Symbol.dispose](): void {
    control.closeBlocking(coreOf(this));
  }
}
