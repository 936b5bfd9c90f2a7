// Every fault that is tried, by the part that tries it: the rows of the table in docs/reliability.md, in its order.
import { DOORS, type DoorName } from './doors.js';

export interface Fault {
  /** what goes wrong, as it stands in the table; unique */
  readonly name: string;
  /** the function of scenes-*.ts that tries it, and what that is told */
  readonly scene: string;
  readonly detail?: string;
  /** what is to be known about its cases */
  readonly note?: string;
  /** doors through which there is nothing to try, and why */
  readonly untried?: Partial<Record<DoorName, string>>;
}

/** One fault through one door. */
export interface Tried {
  readonly fault: Fault;
  readonly door: DoorName;
}

const BY_DESCRIPTOR = { posix: '`<aio.h>` opens and closes nothing: it is given descriptors' };

const EIO_FOR_SHORT =
  'On io_uring FUSE answers EIO, after it has written some, where the page cache is bypassed (`fuse_aio_complete`); ring and ' +
  '`<aio.h>` give what one write answers, the others go on with the rest, as Node does';

export const FAULTS = {
  'faults/full-ext4': [{ name: 'ENOSPC: ext4 is full', scene: 'full', detail: 'ENOSPC' }],
  'faults/full-xfs': [{ name: 'ENOSPC: xfs is full', scene: 'full', detail: 'ENOSPC' }],
  'faults/full-tmpfs': [{ name: 'ENOSPC: tmpfs is full', scene: 'full', detail: 'ENOSPC' }],
  'faults/quota': [{ name: 'EDQUOT: a quota (btrfs) is used up', scene: 'full', detail: 'EDQUOT' }],
  'faults/limits': [
    { name: 'EFBIG: `RLIMIT_FSIZE`', scene: 'fileSize' },
    { name: 'EMFILE: `RLIMIT_NOFILE`', scene: 'descriptors' },
  ],
  'faults/processes': [{ name: 'EAGAIN: no thread to spare (pids)', scene: 'processes' }],
  'faults/locked-memory': [
    {
      name: 'ENOMEM: `RLIMIT_MEMLOCK`',
      scene: 'lockedMemory',
      note: 'Only io_uring locks memory: the others are to go on as if nothing were',
    },
  ],
  'faults/aio-max-nr': [
    {
      name: 'EAGAIN: `fs.aio-max-nr`',
      scene: 'aioMaxNr',
      note: 'Only the native engine is refused, and then the drop-in does with `node:fs`: the others are to go on as if nothing were',
    },
  ],
  'faults/slow-device': [
    { name: 'slow device (blkio), direct', scene: 'throttled', detail: 'direct' },
    { name: 'slow device (blkio), through the cache', scene: 'throttled', detail: 'buffered' },
  ],
  'faults/failing': [
    // Not EAGAIN: io_uring takes it from a file system for "not now", and asks again for ever.
    ...each('read', 'reads', 'EIO', 'ENOMEM', 'ESTALE', 'ETIMEDOUT', 'EINTR'),
    ...each('write', 'writes', 'EIO', 'ENOMEM', 'ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG'),
    ...each('fsync', 'syncs', 'EIO', 'ENOSPC', 'EDQUOT'),
    ...each('open', 'opens', 'EIO', 'EACCES', 'EMFILE', 'ENFILE').map((fault) => ({
      ...fault,
      untried: BY_DESCRIPTOR,
    })),
    ...each('close', 'closes', 'EIO', 'ENOSPC', 'EDQUOT').map((fault) => ({
      ...fault,
      untried: BY_DESCRIPTOR,
    })),
    ...['ENOSPC', 'EDQUOT', 'EFBIG'].map((detail) => ({
      name: `${detail} of writes from some byte on`,
      scene: 'limit',
      detail,
    })),
    { name: 'short reads: 100 bytes', scene: 'shortRead', detail: '100' },
    { name: 'short reads: 1 byte', scene: 'shortRead', detail: '1' },
    { name: 'short writes: 100 bytes', scene: 'shortWrite', detail: '100', note: EIO_FOR_SHORT },
    { name: 'short writes: 1 byte', scene: 'shortWrite', detail: '1', note: EIO_FOR_SHORT },
    { name: 'short writes to the page cache: 100 bytes', scene: 'shortWrite', detail: '100,cached' },
    { name: 'delays, a different one each time', scene: 'slow', detail: '30' },
    { name: 'signals every millisecond', scene: 'signals' },
  ],
  'faults/hanging': [
    { name: 'reads that hang', scene: 'hang', detail: 'read' },
    { name: 'writes that hang', scene: 'hang', detail: 'write' },
    { name: 'syncs that hang', scene: 'hang', detail: 'fsync' },
  ],
} satisfies Record<string, readonly Fault[]>;

export type FaultPart = keyof typeof FAULTS;

function each(scene: string, what: string, ...errors: string[]): Fault[] {
  return errors.map((detail) => ({ name: `${detail} of ${what}`, scene, detail }));
}

/** What a part tries, one in a round, in turn. */
export function casesOf(part: FaultPart): Tried[] {
  const faults: readonly Fault[] = FAULTS[part];
  return faults.flatMap((fault) =>
    DOORS.filter((door) => fault.untried?.[door] === undefined).map((door) => ({ fault, door })),
  );
}
