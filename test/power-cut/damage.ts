import { Buffer } from 'node:buffer';
import type { Random } from './random.ts';

/** The files of a journal; null for one that is not there. */
export interface JournalFiles {
  readonly database: Buffer;
  readonly log: Buffer | null;
  /** `-shm`: what connections share. */
  readonly shared: Buffer | null;
}

export interface Samples {
  /** After everything was closed. */
  readonly closed: JournalFiles;
  /** While a process still writes, with a log that holds the last commits. */
  readonly open: JournalFiles;
  /** The same, in the middle of the run. */
  readonly middle: JournalFiles;
  /** Of the same store, closed before the run began. */
  readonly earlier: JournalFiles;
  /** Of another store. */
  readonly foreign: JournalFiles;
}

type Damage = (samples: Samples, random: Random) => JournalFiles;

const PAGE_BYTES = 4096;
const LOG_HEADER_BYTES = 32;
const FRAME_BYTES = PAGE_BYTES + 24;

/** What disks, backups and people do to files. */
export const DAMAGES: Readonly<Record<string, Damage>> = {
  'flipped bits of the database': ({ closed }, random) => ({ ...closed, database: flipped(closed.database, random) }),
  'flipped bits of a database with a log': ({ open }, random) => ({
    ...open,
    database: flipped(open.database, random),
  }),
  'flipped bits of the log': ({ open }, random) => ({ ...open, log: flipped(open.log!, random) }),
  'a zeroed page': ({ closed }, random) => ({ ...closed, database: filled(closed.database, random, () => 0) }),
  'a page of noise': ({ closed }, random) => ({
    ...closed,
    database: filled(closed.database, random, () => random.below(256)),
  }),
  'two pages exchanged': ({ closed }, random) => ({ ...closed, database: exchanged(closed.database, random) }),
  'a page of an earlier time': ({ closed, earlier }, random) => ({
    ...closed,
    database: pageOf(closed.database, earlier.database, random),
  }),
  'a database that was cut': ({ closed }, random) => ({
    ...closed,
    database: closed.database.subarray(0, random.below(closed.database.length)),
  }),
  'a log that was cut': ({ open }, random) => ({ ...open, log: open.log!.subarray(0, random.below(open.log!.length)) }),
  'noise behind the log': ({ open }, random) => ({
    ...open,
    log: Buffer.concat([open.log!, random.bytes(1 + random.below(2 * FRAME_BYTES))]),
  }),
  'a zeroed frame of the log': ({ open }, random) => ({ ...open, log: withoutFrame(open.log!, random) }),
  'no log': ({ open }) => ({ ...open, log: null, shared: null }),
  'a log that is empty': ({ open }) => ({ ...open, log: Buffer.alloc(0) }),
  'the log of another store': ({ open, foreign }) => ({ ...open, log: foreign.log }),
  'an earlier log': ({ open, middle }) => ({ ...open, log: middle.log, shared: null }),
  'an earlier database with the last log': ({ open, earlier }) => ({ ...open, database: earlier.database }),
  'the last database with an earlier log': ({ closed, middle }) => ({ ...closed, log: middle.log }),
  'stale shared memory': ({ open, middle }) => ({ ...open, shared: middle.shared }),
  'shared memory of noise': ({ open }, random) => ({ ...open, shared: random.bytes(32_768) }),
};

function flipped(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  for (let left = 1 + random.below(8); left > 0; left -= 1) {
    const at = random.below(copy.length);
    copy[at] = copy[at]! ^ (1 << random.below(8));
  }
  return copy;
}

function filled(bytes: Buffer, random: Random, value: () => number): Buffer {
  const copy = Buffer.from(bytes);
  const start = PAGE_BYTES * random.below(copy.length / PAGE_BYTES);
  for (let at = start; at < start + PAGE_BYTES; at += 1) copy[at] = value();
  return copy;
}

function exchanged(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const [a, b] = [0, 0].map(() => PAGE_BYTES * random.below(copy.length / PAGE_BYTES)) as [number, number];
  bytes.copy(copy, a, b, b + PAGE_BYTES);
  bytes.copy(copy, b, a, a + PAGE_BYTES);
  return copy;
}

function pageOf(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const start = PAGE_BYTES * random.below(Math.min(bytes.length, other.length) / PAGE_BYTES);
  other.copy(copy, start, start, start + PAGE_BYTES);
  return copy;
}

function withoutFrame(log: Buffer, random: Random): Buffer {
  const frames = Math.floor((log.length - LOG_HEADER_BYTES) / FRAME_BYTES);
  const start = LOG_HEADER_BYTES + FRAME_BYTES * random.below(frames);
  return Buffer.from(log).fill(0, start, start + FRAME_BYTES);
}
