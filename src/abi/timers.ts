// Node's timers, as they are when this module is loaded: where a test replaces them by a clock of its own, the kernel
// goes on by the real one.
import timers from 'node:timers';

export const { clearTimeout, setImmediate, setTimeout } = timers;
