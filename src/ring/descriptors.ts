// A descriptor is held, not a number. A request that waits in user space (for the end of the turn, behind a full
// queue, in a lane) runs on a duplicate, so that closing the caller's descriptor and reusing its number cannot lead
// it to another file. One duplicate serves all requests on the same number within one turn.
//
// What remains is a program that, within one turn, makes requests on a number, closes it, opens another file under
// the same number and makes more requests on it: then nobody can tell which request meant which file. The turn's
// end notices (the number and the duplicate are different files) and those requests fail with EBADF.
import { native } from '../abi/native.js';

export interface Hold {
  readonly fd: number;
  /** what the requests run on; -1 when the descriptor was bad to begin with: the kernel says so itself */
  readonly duplicate: number;
  requests: number;
  /** the number means another file by now */
  reused: boolean;
}

export class HeldDescriptors {
  #turn: Hold[] = [];
  #last: Hold | null = null; // of this turn; most turns have one descriptor

  /** A hold on `fd` for one more request of this turn. */
  take(fd: number): Hold {
    if (this.#last?.fd === fd) {
      this.#last.requests++;
      return this.#last;
    }
    return this.#takeOther(fd);
  }

  #takeOther(fd: number): Hold {
    let hold = this.#turn.find((each) => each.fd === fd);
    if (hold === undefined) {
      hold = { fd, duplicate: native().duplicate(fd), requests: 0, reused: false };
      this.#turn.push(hold);
    }
    hold.requests++;
    this.#last = hold;
    return hold;
  }

  /** A request of this hold is over. */
  release(hold: Hold): void {
    if (--hold.requests === 0 && hold.duplicate >= 0 && !this.#turn.includes(hold)) {
      native().closeDescriptor(hold.duplicate);
    }
  }

  get isEmpty(): boolean {
    return this.#turn.length === 0;
  }

  /** The turn ends: no more requests join its holds. Returns those whose number was reused meanwhile. */
  endTurn(): Hold[] {
    const turn = this.#turn;
    this.#turn = [];
    this.#last = null;
    let reused: Hold[] = [];
    for (const hold of turn) {
      if (hold.duplicate < 0) continue;
      if (hold.requests === 0) native().closeDescriptor(hold.duplicate);
      else if (native().sameFile(hold.fd, hold.duplicate) === 0) {
        hold.reused = true;
        reused = [...reused, hold];
      }
    }
    return reused;
  }
}
