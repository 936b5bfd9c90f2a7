// <aio.h> of this package. Loaded by name in the child process of that contestant only, like linux-aio.ts.
import * as aio from 'linux-aio/posix';
import { alignedBuffers } from '../buffers.js';
import type { PosixDoor } from '../doors.js';

export const posix: PosixDoor = { kind: 'posix', aio, buffers: alignedBuffers };
