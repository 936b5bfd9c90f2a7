// All parts of the torture, in the order in which they run.
import type { EngineName } from 'linux-aio';
import { differential } from './differential.js';
import { durability } from './durability.js';
import { faults } from './faults.js';
import { fuzz } from './fuzz.js';
import { loads } from './load.js';
import { mutation } from './mutants.js';
import type { Part } from './part.js';
import { model } from './ring-model.js';
import { sanitized } from './sanitized.js';
import { slowDevices } from './slow-device.js';
import { soaks } from './soak.js';
import { teardown } from './teardown.js';

export const PARTS: readonly Part[] = [
  ...durability,
  ...model,
  ...mutation,
  ...teardown,
  ...faults,
  ...slowDevices,
  ...differential,
  ...loads,
  ...soaks,
  ...fuzz,
  ...sanitized,
];

/** In `npm test`, parts that do not depend on the engine are tried in the run on this one only. */
export const QUICK_ENGINE: EngineName = 'io_uring';
