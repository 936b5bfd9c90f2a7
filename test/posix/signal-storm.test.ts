// Signals that come as fast as they are taken. Guards the bound in take() of src/posix/signals.ts.
import assert from 'node:assert/strict';
import { native } from '../support/internals.js';
import { aio } from '../support/posix.js';
import { handled, until } from '../support/posix-events.js';
import { covers } from './table.js';

/** Without the bound the storm is over only when so many have been sent, and no timer has fired before. */
const SENT_MAX = 400_000;
const PER_TAKE = 64;

covers(
  '',
  'signals that never stop coming leave timers their turn; none is lost or out of order',
  async (t) => {
    const signo = aio.SIGRTMIN + 12;
    const infos = handled(t, signo);
    const addon = native();
    const { signalsTake } = addon;
    t.after(() => {
      addon.signalsTake = signalsTake;
    });
    let sent = 0;
    let raging = true;
    const send = () => assert.equal(addon.signalQueue(signo, sent++, 0), 1);
    // As many come as are taken, each time: a thread takes its own signals at once.
    addon.signalsTake = (out) => {
      const count = signalsTake(out);
      for (let i = 0; i < PER_TAKE && raging && sent < SENT_MAX; i++) send();
      return count;
    };
    const sentAtTimers: number[] = [];
    const tick = () => {
      sentAtTimers.push(sent);
      raging = sentAtTimers.length < 5;
      if (raging) setTimeout(tick, 1);
    };
    setTimeout(tick, 1);
    for (let i = 0; i < PER_TAKE; i++) send();
    await until(() => !raging && infos.length >= sent, 'the end of the storm');
    assert.ok(sentAtTimers[4] < SENT_MAX, `timers fired after ${sentAtTimers} signals`);
    assert.deepEqual(
      infos.map((info) => info.si_value),
      Array.from({ length: sent }, (_, i) => i),
    );
  },
);
