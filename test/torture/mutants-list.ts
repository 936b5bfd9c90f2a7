// Safeguards, each taken out by one change of the source, and what must fail then.

/** What notices: a compiled test file, or the model of the ring (`model/ring`). */
export type Check = 'model' | `${string}.test.js`;

export interface Mutant {
  /** below the package's folder */
  readonly file: string;
  /** stands there exactly once */
  readonly find: string;
  readonly replace: string;
  /** what is wrong then */
  readonly wrong: string;
  /** tried in turn until one fails */
  readonly checks: readonly Check[];
  /** why nothing fails: something else holds, or a test is missing */
  readonly survives?: string;
}

const CORE = 'src/ring/core.ts';
const PORT = 'src/ring/port.ts';
const SLOTS = 'src/ring/slots.ts';
const ORDER = 'src/ring/order.ts';
const HELD = 'src/ring/descriptors.ts';
const BACKLOG = 'src/ring/backlog.ts';
const CONTROL = 'src/ring/control.ts';
const DELIVERY = 'src/ring/delivery.ts';
const WHOLE_FILE = 'native/pool-whole-file.c';
const OPEN_PATH = 'src/file/open-path.ts';
const READ_AHEAD = 'src/file/read-ahead.ts';
const STREAM_READER = 'src/fs/stream-reader.ts';
const DELIVER = 'src/fs/deliver.ts';
const HANDLE = 'src/fs/handle.ts';
const INLINE = 'native/inline.c';
const SHARING = 'src/fs/sharing.ts';

export const MUTANTS: readonly Mutant[] = [
  // ── completions ───────────────────────────────────────────────────────────────────────────────────────────────
  {
    file: PORT,
    find: 'generations[slot] !== ring[c + CQE_WORD.USER_HI] || state[slot]',
    replace: 'state[slot]',
    wrong: 'a late completion reaches the next request of its slot',
    checks: ['model', 'safety/completions.test.js'],
  },
  {
    file: PORT,
    find: ' || state[slot] !== STATE.SUBMITTED',
    replace: '',
    wrong: 'a completion counts when it comes twice, or for a request that waits in user space',
    checks: ['model', 'safety/completions.test.js'],
  },
  {
    file: SLOTS,
    find: '(this.generation[slot] + 1) & 0x1fffffff',
    replace: 'this.generation[slot]',
    wrong: 'a slot has one generation',
    checks: ['model', 'safety/completions.test.js'],
  },
  {
    file: SLOTS,
    find: '(this.generation[slot] + 1) & 0x1fffffff',
    replace: '(this.generation[slot] + 1) & 0xf',
    wrong: 'a slot has its generation again after sixteen requests',
    checks: ['safety/completions.test.js'],
  },
  // ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    file: CORE,
    find: 'slots.keep[slot] = keep;',
    replace: 'slots.keep[slot] = null;',
    wrong: 'a buffer in flight may be collected',
    checks: ['safety/pinning.test.js'],
  },
  {
    file: SLOTS,
    find: '    this.keep[slot] = null;\n',
    replace: '',
    wrong: 'a request that is over keeps its buffer',
    checks: ['model', 'safety/pinning.test.js'],
  },
  {
    file: 'src/ring/memory.ts',
    find: 'start + length <= memory.size;',
    replace: 'start >= 0;',
    wrong: 'an address may be outside its buffer',
    checks: ['safety/views.test.js'],
  },
  {
    file: 'native/pin.c',
    find: '  napi_create_double(env, (double)(uintptr_t)address, &result);\n',
    replace:
      '  napi_create_double(env, (double)(uintptr_t)address, &result);\n  __atomic_sub_fetch(&control->use_count, 1, __ATOMIC_ACQ_REL);\n',
    wrong: 'memory that is pinned and transferred dies with its new owner',
    checks: ['safety/transfer.test.js', 'safety/pinning.test.js'],
  },
  {
    file: 'native/pin.c',
    find: '  release(data);\n',
    replace: '',
    wrong: 'memory that was pinned is never given back',
    checks: ['safety/pinning.test.js'],
  },
  {
    file: 'native/pin.c',
    find: '  l->lent[number] = control;\n',
    replace:
      '  l->lent[number] = control;\n  __atomic_sub_fetch(&control->use_count, 1, __ATOMIC_ACQ_REL);\n',
    wrong: 'memory that is lent and transferred dies with its new owner',
    checks: ['safety/pinning.test.js'],
  },
  {
    file: 'native/pin.c',
    find: '  release(control);\n}\n\n// lend(',
    replace: '  (void)control;\n}\n\n// lend(',
    wrong: 'memory that was lent is never given back',
    checks: ['safety/pinning.test.js'],
  },
  {
    file: 'native/pin.c',
    find: 'if (l->lent[i]) end_loan(l, i);',
    replace: 'if (l->lent[i] && i < 0) end_loan(l, i);',
    wrong: 'what a thread has lent when it ends is never given back',
    checks: ['safety/worker-end.test.js'],
  },
  {
    file: 'src/ring/memory.ts',
    find: 'if (--memory.borrowers > 0 || memory.loan',
    replace: 'if (--memory.borrowers < 0 || memory.loan',
    wrong: 'a loan ends with the first of the requests that share it',
    checks: ['safety/loans.test.js'],
  },
  {
    file: SLOTS,
    find: '      giveBack(memory);\n',
    replace: '',
    wrong: 'a loan does not end with its request',
    checks: ['safety/loans.test.js'],
  },
  {
    file: 'native/queues.c',
    find: '  if (!drain(q)) {',
    replace: '  if (q->closed && !drain(q)) {',
    wrong: 'a thread ends without waiting for the kernel',
    checks: ['safety/worker-end.test.js', 'safety/process-end.test.js', 'safety/transfer.test.js'],
  },
  {
    file: 'native/mapping.c',
    find: 'if (m->holders > 1) vacate(m);',
    replace: 'if (m->holders < 1) vacate(m);',
    wrong: 'the queues are within reach after close()',
    checks: ['safety/closed-queues.test.js'],
  },
  // ── descriptors ───────────────────────────────────────────────────────────────────────────────────────────────
  {
    file: CORE,
    find: '(traits & TRAIT.HOLD) !== 0 && (traits & HELD_AT_ONCE || !soon || !this.#resolvesAtSubmit)',
    replace: '(traits & TRAIT.HOLD) > 1e6 && (traits & HELD_AT_ONCE || !soon || !this.#resolvesAtSubmit)',
    wrong: 'a request that waits for the end of the turn has a number, not a file',
    checks: ['model', 'ring/descriptors.test.js'],
  },
  {
    file: CORE,
    find: 'this.#abandon(slot, -ERRNO.EBADF);',
    replace: '{ }',
    wrong: 'what waits in user space goes to a file whose number was used again within the turn',
    checks: ['ring/descriptors.test.js'],
  },
  {
    file: PORT,
    find: 'entries[word + SQE_WORD.FD] = -1;',
    replace: '{ }',
    wrong: 'what is prepared goes to a file whose number was used again within the turn',
    checks: ['model', 'ring/descriptors.test.js'],
  },
  {
    file: HELD,
    find: '    native().closeDescriptor(hold.duplicate);\n',
    replace: '',
    wrong: 'duplicates stay open',
    checks: ['model', 'ring/descriptors.test.js'],
  },
  {
    file: HELD,
    find: 'if (--hold.requests > 0 ||',
    replace: 'if (hold.requests > 0 ||',
    wrong: 'a hold is never given up',
    checks: ['model', 'ring/descriptors.test.js'],
  },
  {
    file: HELD,
    find: '!== 1) return false;\n    hold.turn = this.#turn;',
    replace: '> 1) return false;\n    hold.turn = this.#turn;',
    wrong: 'a hold of the file before serves the number’s next file',
    checks: ['model', 'ring/descriptors.test.js'],
  },
  {
    file: 'native/fds.c',
    find: 'int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);',
    replace: 'int copy = fcntl(fd, F_DUPFD, 3);',
    wrong: 'a child inherits the descriptors that are held',
    checks: ['ring/descriptors.test.js'],
  },
  // ── order ─────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    file: ORDER,
    find: 'if (lane !== undefined && isSameFile(lane, fd)) {',
    replace: 'if (lane !== undefined && isSameFile(lane, fd) && fd < 0) {',
    wrong: 'requests at a descriptor’s own position run side by side',
    checks: ['model', 'ring/lanes.test.js'],
  },
  {
    file: ORDER,
    find: 'native().sameFile(fd, lane.duplicate) !== 0;',
    replace: 'native().sameFile(fd, lane.duplicate) > -99;',
    wrong: 'a number’s next file waits behind the one before',
    checks: ['ring/descriptors.test.js'],
  },
  {
    file: ORDER,
    find: 'if (written === undefined) return false;',
    replace: 'if (written === undefined || slot >= 0) return false;',
    wrong: 'an fsync does not wait for the writes before it',
    checks: ['model', 'ring/barrier.test.js'],
  },
  {
    file: ORDER,
    find: 'if (epoch <= barrier.epoch) barrier.remaining--;',
    replace: 'barrier.remaining--;',
    wrong: 'a later write counts for the fsync before it',
    checks: ['model', 'ring/barrier.test.js'],
  },
  {
    file: ORDER,
    find: 'barriers[0].remaining === 0',
    replace: 'barriers[0].remaining >= 0',
    wrong: 'the first write that is over lets the fsync go',
    checks: ['model', 'ring/barrier.test.js'],
  },
  {
    file: ORDER,
    find: 'written.hold === null || written.hold === hold) return written;',
    replace: 'written.hold === null || written.fd === fd) return written;',
    wrong: 'an fsync waits for the writes of the file that had its number before',
    checks: ['ring/descriptors.test.js'],
  },
  // ── full queues ───────────────────────────────────────────────────────────────────────────────────────────────
  {
    file: BACKLOG,
    find: 'this.#boundedMax + this.#relief && this.#bounded.isEmpty;',
    replace: 'this.#boundedMax + this.#relief;',
    wrong: 'a request overtakes those that wait for room',
    checks: ['ring/queueing.test.js'],
  },
  {
    file: BACKLOG,
    find: 'this.#boundedSubmitted < this.#boundedMax + this.#relief && this.#bounded.isEmpty',
    replace: 'this.#bounded.isEmpty',
    wrong: 'the completion queue may overflow',
    checks: ['ring/queueing.test.js'],
  },
  {
    file: BACKLOG,
    find: 'else if (--this.#boundedSubmitted < this.#boundedMax) this.#relief = 0;',
    replace: 'else this.#relief = 0;',
    wrong: 'room that has been used is never free again',
    checks: ['model', 'ring/queueing.test.js'],
  },
  {
    file: BACKLOG,
    find: 'this.#relief = Math.min(this.#relief + this.#boundedMax, UNBOUNDED_MAX);',
    replace: '',
    wrong: 'what never ends keeps everything else waiting',
    checks: ['ring/queueing.test.js'],
  },
  // ── delivery, cancellation, close ─────────────────────────────────────────────────────────────────────────────
  {
    file: DELIVERY,
    find: 'if (this.#running && !unhurried) return 0;',
    replace: '',
    wrong: 'a callback runs inside another',
    checks: ['ring/callbacks.test.js'],
  },
  {
    file: DELIVERY,
    find: 'count % DELIVERIES_PER_LOOK === 0 && this.#budget.isSpent',
    replace: 'count < 0 && this.#budget.isSpent',
    wrong: 'results that keep coming starve the event loop',
    checks: ['ring/fairness.test.js'],
  },
  {
    file: DELIVERY,
    find: '      process.nextTick(() => {\n        throw error;\n      });\n',
    replace: '      throw error;\n',
    wrong: 'one caller’s exception costs another its result',
    checks: ['ring/callbacks.test.js'],
  },
  {
    file: CONTROL,
    find: '| (core.slots.traits[slot] & TRAIT.POOL);',
    replace: ';',
    wrong: 'a cancellation goes to an engine that does not have the request',
    checks: ['model', 'ring/cancel.test.js', 'ring/routing.test.js'],
  },
  {
    file: CORE,
    find: 'this.#abandon(slot, -ERRNO.ECANCELED);',
    replace: 'this.#abandon(slot, 0);',
    wrong: 'a request that is taken back answers success',
    checks: ['model', 'ring/cancel.test.js'],
  },
  {
    file: CONTROL,
    find: '  while (!core.closed && core.slots.live > 0) {\n    cancelAll(core);\n    await',
    replace: '  while (!core.closed && core.slots.live < 0) {\n    cancelAll(core);\n    await',
    wrong: 'close() does not wait for what is in flight',
    checks: ['model', 'ring/close.test.js'],
  },
  {
    file: CONTROL,
    find: 'if (core.slots.state[slot] === STATE.SUBMITTED) askKernel(core, slot, ignore);',
    replace: '',
    wrong: 'close() does not cancel what blocks',
    checks: ['ring/close.test.js'],
  },
  {
    file: CORE,
    find: 'if (this.refusing && (traits & TRAIT.URGENT) === 0) throw closedError();',
    replace: '',
    wrong: 'a ring that closes takes requests',
    checks: ['model', 'ring/close.test.js'],
  },
  // ── a whole file in one hop ───────────────────────────────────────────────────────────────────────────────────────
  {
    file: 'src/ring/whole-file.ts',
    find: 'const length = byteLengthOf(view);',
    replace: 'const length = view.byteLength;',
    wrong: 'a view says how long it is',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: 'src/ring/whole-file.ts',
    find: ' + (words[WHOLE_FILE.SIZE_HIGH] >>> 0) * 2 ** 32',
    replace: '',
    wrong: 'a file of 4 GiB is taken for a small one',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: 'src/ring/whole-file.ts',
    find: 'free.pop() ?? new',
    replace: 'free[0] ?? new',
    wrong: 'two files share the struct that says where their bytes go',
    checks: ['ring/whole-file.test.js', 'fs/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: 'size == 0 || size > w->length',
    replace: 'size == 0',
    wrong: 'a large file is read beyond the memory that came along',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: '(size == 0 || size > w->length)',
    replace: '(size > w->length)',
    wrong: 'a file of /proc is empty',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: '!S_ISREG(st.st_mode) || ',
    replace: '',
    wrong: 'what is no file is read as one',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: '| O_NONBLOCK | O_CLOEXEC',
    replace: '| O_CLOEXEC',
    wrong: 'a named pipe without another end holds a worker',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: '| O_NONBLOCK | O_CLOEXEC',
    replace: '| O_NONBLOCK',
    wrong: 'a child inherits a file that is left open',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: 'if (flags >= 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);',
    replace: '(void)flags;',
    wrong: 'what is left open does not wait',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: '  w->step = STEP_TRANSFER;\n',
    replace: '',
    wrong: 'an error of the transfer is told as one of opening',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: '    moved += (uint64_t)n;\n',
    replace: '    return n;\n',
    wrong: 'a short write is taken for the whole',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: 'if (result < 0 || closed >= 0) return result;',
    replace: 'if (closed >= 0) return writing ? (long)w->length : (long)size;',
    wrong: 'an error of the transfer is lost when the file can be closed',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: 'long closed = CALL(SYS_close, fd);',
    replace: 'long closed = 0;',
    wrong: 'the file stays open',
    checks: ['ring/whole-file.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: '  w->step = STEP_CLOSE;\n  return closed;',
    replace: '  return result;',
    wrong: 'an error of closing is lost',
    checks: ['fs/whole-file-faults.test.js'],
  },
  {
    file: WHOLE_FILE,
    find: 'w->mode = (uint32_t)-closed;',
    replace: 'w->mode = 0;',
    wrong: 'an error of closing is lost beside one of the transfer',
    checks: ['fs/whole-file-faults.test.js'],
  },
  {
    file: 'src/fs/then-closed.ts',
    find: 'throw bothErrors(error as NodeJS.ErrnoException, closing);',
    replace: 'throw closing;',
    wrong: 'an error of the transfer is lost when closing fails',
    checks: ['fs/whole-file-faults.test.js'],
  },
  {
    file: 'src/fs/whole-file.ts',
    find: ' || error === -ERRNO.EAGAIN',
    replace: '',
    wrong: 'a lease is an error of the hop',
    checks: ['fs/whole-file-faults.test.js'],
  },
  {
    file: OPEN_PATH,
    find: 'waits && fd === -ERRNO.EAGAIN',
    replace: 'false',
    wrong: 'a lease is not waited for',
    checks: ['fs/whole-file-faults.test.js'],
  },
  // ── many files at once ────────────────────────────────────────────────────────────────────────────────────────────
  {
    file: SHARING,
    find: 'if (this.#inPool < IN_POOL_MAX) {',
    replace: 'if (true) {',
    wrong: 'each of 20,000 files at once has 64 KiB to be read into',
    checks: ['fs/sharing.test.js'],
  },
  {
    file: SHARING,
    find: 'this.#letIn(this.#inPool + RELIEF)',
    replace: 'this.#letIn(IN_POOL_MAX)',
    wrong: 'files behind 64 that a device never answers are never read',
    checks: ['fs/sharing.test.js'],
  },
  {
    file: SHARING,
    find: '      this.#inPool--;\n      failed(error);',
    replace: '      failed(error);',
    wrong: 'a read that cannot begin keeps its place',
    checks: ['fs/sharing.test.js'],
  },
  {
    file: SHARING,
    find: 'if (this.#waiting.length > 0) this.#letIn(IN_POOL_MAX);',
    replace: '',
    wrong: 'the end of one file lets the next one in only when the pool seems to have stalled',
    checks: ['fs/sharing.test.js'],
  },
  // ── named pipes ───────────────────────────────────────────────────────────────────────────────────────────────────
  {
    file: OPEN_PATH,
    find: 'flags | O_NONBLOCK | O_CLOEXEC, mode',
    replace: 'flags | O_CLOEXEC, mode',
    wrong: 'opening a named pipe holds a thread',
    checks: ['file/named-pipes.test.js'],
  },
  {
    file: OPEN_PATH,
    find: 'fd === -ERRNO.ENXIO && isPipe(path)',
    replace: 'fd === -ERRNO.ENXIO',
    wrong: 'opening a socket waits for ever',
    checks: ['file/named-pipes.test.js'],
  },
  {
    file: OPEN_PATH,
    find: 'waits && (native().letWait(fd) & S_IFMT) === S_IFIFO',
    replace: 'false',
    wrong: 'opening a named pipe does not wait for a writer',
    checks: ['file/named-pipes.test.js'],
  },
  {
    file: OPEN_PATH,
    find: '  } catch {\n    done(-ERRNO.ECANCELED);',
    replace: '  } catch {\n    void done;',
    wrong: 'an open that the closing ring refuses to go on with never ends',
    checks: ['file/named-pipes.test.js'],
  },
  {
    file: OPEN_PATH,
    find: '    if (isOver) return;\n    isOver = true;',
    replace: '    if (isOver || result >= 0) return;\n    isOver = true;',
    wrong: 'a writer that has come and gone has not been there',
    checks: ['file/named-pipes.test.js'],
  },
  {
    file: OPEN_PATH,
    find: 'if (result < 0) closeSync(fd);',
    replace: '',
    wrong: 'a pipe whose opening is cancelled stays open',
    checks: ['file/named-pipes.test.js'],
  },
  {
    file: OPEN_PATH,
    find: 'ring.cancel(poll, () => done(fd));',
    replace: 'done(fd);',
    wrong: 'the look for a writer stays in flight',
    checks: ['file/named-pipes.test.js'],
  },
  // ── reading ahead ─────────────────────────────────────────────────────────────────────────────────────────────────
  {
    file: READ_AHEAD,
    find: 'first?.position === position && ',
    replace: 'first !== undefined && ',
    wrong: 'a chunk from elsewhere is given out',
    checks: ['file/read-ahead.test.js'],
  },
  {
    file: READ_AHEAD,
    find: ' && first.buffer.byteLength === length) return',
    replace: ') return',
    wrong: 'a longer chunk than is asked for is given out',
    checks: ['file/read-ahead.test.js'],
  },
  {
    file: READ_AHEAD,
    find: '    this.#drop();\n    return undefined;',
    replace: '    return undefined;',
    wrong: 'chunks that nobody wants are kept',
    checks: ['file/read-ahead.test.js'],
  },
  {
    file: READ_AHEAD,
    find: 'Math.floor((this.#end - next) / length)',
    replace: 'Math.ceil((this.#end - next) / length)',
    wrong: 'what is behind the end of the file is read ahead',
    checks: ['file/read-ahead.test.js'],
  },
  {
    file: READ_AHEAD,
    find: 'Math.min(end, Number',
    replace: 'Math.max(0, Number',
    wrong: 'what the reader does not want is read ahead',
    checks: ['file/read-ahead.test.js'],
  },
  {
    file: READ_AHEAD,
    find: 'if (this.#requests.size === 0) done();\n    else this.#onIdle = done;',
    replace: 'done();',
    wrong: 'a file is closed while chunks of it are being read',
    checks: ['file/read-ahead.test.js'],
  },
  {
    file: READ_AHEAD,
    find: 'if (this.#requests.size === 0) this.#onIdle?.();',
    replace: '',
    wrong: 'a file whose chunks are being read is never closed',
    checks: ['file/read-ahead.test.js'],
  },
  {
    file: READ_AHEAD,
    find: '    } catch {\n      return; //',
    replace: '    } catch (error) {\n      throw error; //',
    wrong: 'reading ahead on a closed ring is an exception of the reader',
    checks: ['file/read-ahead.test.js'],
  },
  {
    file: READ_AHEAD,
    find: '!== constants.S_IFREG',
    replace: '=== 0',
    wrong: 'pipes are read ahead',
    checks: ['file/read-ahead.test.js', 'fs/read-ahead.test.js'],
  },
  {
    file: STREAM_READER,
    find: 'if (chunk.result !== buffer.byteLength) {',
    replace: 'if (chunk.result! < 0) {',
    wrong: 'a short chunk is given out as a whole one',
    checks: ['fs/read-ahead.test.js'],
  },
  {
    file: STREAM_READER,
    find: 'else this.#ahead.end(() => this.#operations.close(fd, callback));',
    replace: 'else this.#operations.close(fd, callback);',
    wrong: 'a stream closes its file while chunks of it are being read',
    checks: ['fs/read-ahead.test.js'],
  },
  // ── callbacks of node:fs ──────────────────────────────────────────────────────────────────────────────────────────
  {
    file: DELIVER,
    find: 'core.turn.gather(() => {',
    replace: '((run: () => void) => run())(() => {',
    wrong: 'what callbacks request goes to the kernel one by one',
    checks: ['fs/delivery.test.js'],
  },
  {
    file: DELIVER,
    find: 'if (next > 0) runTicks();',
    replace: '',
    wrong: 'a callback runs before what the one before has queued',
    checks: ['fs/delivery.test.js'],
  },
  {
    file: DELIVER,
    find: 'if (now - flushed < GATHER_MS) continue;',
    replace: 'if (now > 0) continue;',
    wrong: 'long callbacks hold back the requests of those before',
    checks: ['fs/delivery.test.js'],
  },
  {
    file: DELIVER,
    find: 'if (!core.closed) core.flush();',
    replace: 'core.flush();',
    wrong: 'a callback that closes the ring costs others their results',
    checks: ['fs/delivery.test.js'],
    survives:
      'a closed ring has nothing to hand over: to ask it does no harm now, but it was not made for that',
  },
  {
    file: DELIVER,
    find: '    if (next < batch.length) {',
    replace: '    if (next < 0) {',
    wrong: 'a callback that throws costs others their results',
    checks: ['fs/delivery.test.js'],
  },
  {
    file: DELIVER,
    find: 'if (ready.push(this) === 1) runSoon(this.#ring);',
    replace: 'ready.push(this);\n    runReady(this.#ring);',
    wrong: 'a callback runs while others’ results are being read',
    checks: ['fs/delivery.test.js'],
  },
  {
    file: DELIVER,
    find: 'for (const delivery of batch) setImmediate(() => delivery.run());',
    replace: 'for (const delivery of batch) delivery.run();',
    wrong: 'without _tickCallback a callback that throws costs others their results',
    checks: ['fs/delivery.test.js'],
  },
  {
    file: DELIVER,
    find: 'resource.runInAsyncScope(this.#callback, undefined, ...this.#results);',
    replace: 'this.#callback(...this.#results);',
    wrong: 'a callback runs in another call’s context',
    checks: ['fs/context.test.js'],
  },
  {
    file: DELIVER,
    find: '      resource.emitDestroy();\n',
    replace: '      void resource;\n',
    wrong: 'async_hooks are never told that a call is over',
    checks: ['fs/delivery.test.js'],
  },
  {
    file: 'src/ring/turn.ts',
    find: '      if (this.#isOpen) this.#end();\n',
    replace: '',
    wrong: 'what gathered callbacks request stays in the queue',
    checks: ['fs/delivery.test.js'],
  },
  // ── waiting for requests of <aio.h> ───────────────────────────────────────────────────────────────────────────────
  {
    file: 'src/posix/suspend.ts',
    find: ' || now === LIST.UNUSED;',
    replace: ';',
    wrong: 'aio_suspend waits for ever when a promise collects what it waits for',
    checks: ['posix/aio_suspend.test.js'],
  },
  {
    file: 'src/posix/waitcomplete.ts',
    find: ' || !mayEnd());',
    replace: ');',
    wrong: 'aio_waitcomplete waits for ever when a promise collects the last one',
    checks: ['posix/waitcomplete.test.js'],
  },
  // ── FileHandles and descriptors of node:fs ────────────────────────────────────────────────────────────────────────
  {
    file: HANDLE,
    find: 'return forAll && !hasLooked ? handleClasses() : null;',
    replace: 'return null;',
    wrong: 'what a program changes of FileHandles after its first call is not seen',
    checks: ['fs/inherited.test.js'],
  },
  {
    file: HANDLE,
    find: '?.get !== fdGetter;',
    replace: '?.get === undefined;',
    wrong: 'what a program changes of FileHandles is not seen',
    checks: ['fs/inherited.test.js'],
  },
  {
    file: HELD,
    find: 'return isAsked && position >= 0 && !native().hasPositions(fd);',
    replace: 'return false;',
    wrong: 'a position on a pipe is ignored',
    checks: ['fs/positions.test.js'],
  },
  {
    file: CORE,
    find: '      if ((traits & TRAIT.POSITION_COUNTS) !== 0) op |= SQE_POSITION_COUNTS << 8;',
    replace: '',
    wrong: 'the pool ignores a position on what was a file before',
    checks: ['fs/positions.test.js'],
  },
  {
    file: CORE,
    find: '    this.router.lacksWorkers();\n    return -ERRNO.EINTR;',
    replace: '    return -ERRNO.ECANCELED;',
    wrong: 'what io_uring cannot make a worker for fails',
    checks: ['container/fallback.test.js'],
  },
  {
    file: 'src/ring/routing.ts',
    find: 'if (this.#sparesWorkers() && this.#ports.companion !== null) return TRAIT.POOL | TRAIT.COUNTED;',
    replace: '',
    wrong: 'what io_uring cannot make a worker for is given to it again',
    checks: ['container/fallback.test.js'],
  },
  {
    file: CONTROL,
    find: '  core.slots.traits[slot] |= TRAIT.CANCELLED;',
    replace: '',
    wrong: 'a request that was cancelled says that it was interrupted',
    checks: ['ring/cancel.test.js'],
  },
  // ── what is answered inside the call ─────────────────────────────────────────────────────────────────────────────
  {
    file: INLINE,
    find: '    if (result < 0) return -EAGAIN;\n    see(hash);',
    replace: '    if (result == 0) see(hash);',
    wrong: 'a server that does not answer an open holds the event loop up',
    checks: ['file/slow-servers.test.js'],
  },
  {
    file: INLINE,
    find: 'if (result == 0) return file_ends_at(fd, (uint64_t)position) ? 0 : -EAGAIN;',
    replace: 'if (result == 0) return 0;',
    wrong: 'on Linux 5.10 a file ends where it is not cached',
    checks: ['container/inline.test.js'],
  },
  {
    file: INLINE,
    find: '(error == EPERM && is_filtered())',
    replace: '(error == EPERM && (is_filtered(), true))',
    wrong: 'after one file that may not be opened nothing is opened inside the call',
    checks: ['container/inline.test.js'],
  },
  {
    file: INLINE,
    find: 'if (links == 0) return js_int(env, -EBUSY);',
    replace: '',
    wrong: 'the event loop gives back what a large file without a name occupied',
    checks: ['fs/close.test.js'],
  },
  {
    file: 'src/file/inline.ts',
    find: '!held.isEmpty || ',
    replace: '',
    wrong: 'a number is another file’s before the requests that were made of it are under way',
    checks: ['fs/close.test.js'],
  },
  {
    file: INLINE,
    find: 'return (size_t)result == wanted ? result : -EAGAIN;',
    replace: 'return result;',
    wrong: 'a read of what is cached in part is short',
    checks: ['fs/cached-reads.test.js'],
  },
  {
    file: INLINE,
    find: 'length == 0 || offset < 0 ||\n      (uint64_t)offset > part.iov_len || length > part.iov_len - (uint64_t)offset',
    replace: 'length == 0',
    wrong: 'a read goes beyond the memory of a view that lies about its length',
    checks: ['fs/cached-reads.test.js'],
  },
  {
    file: 'native/pool-transfer.c',
    find: 'bytes > VISIT_BYTES_MAX - visit->bytes) return WORKER;\n  visit',
    replace: 'false) return WORKER;\n  visit',
    wrong: 'a file in memory is copied inside the call whatever its size',
    checks: ['ring/memory-files.test.js'],
  },
  {
    file: 'native/pool-transfer.c',
    find: '  if (is_write(e) && visit->memory_is_locked) return WORKER;\n',
    replace: '',
    wrong: 'the event loop waits for a worker that holds the lock of a file in memory',
    checks: ['ring/memory-files.test.js'],
  },
  {
    file: 'native/memory-files.c',
    find: ' || !S_ISREG(st.st_mode)',
    replace: '',
    wrong: 'a named pipe in memory is taken for a file',
    checks: ['ring/memory-files.test.js'],
  },
  {
    file: 'src/ring/transfer.ts',
    find: 'const keep = [vector, ...views];',
    replace: 'const keep = [vector, ...views]; giveIovec(vector);',
    wrong: 'a vector is used again while its request needs it',
    checks: ['ring/transfers.test.js'],
  },
];
