import { Buffer } from 'node:buffer';
import type { Disk } from './disk.ts';
import type { DataOperation, Image, Kept, Operation, Range } from './image.ts';
import type { Random } from './random.ts';
import type { Recording } from './record.ts';

/** What a disk may have kept of what nothing had synced. */
export const VARIANTS = [
  /** Nothing. */
  'synced',
  /** All of it. */
  'everything',
  /** Some of it: any operation, any sectors of a write. */
  'subset',
  /** All of it but the end of the last write, cut at a sector or a page. */
  'torn at 512',
  'torn at 4096',
  /** All of it, but the write-ahead log (or rollback journal) only up to a sector. */
  'short log',
  /** All of it, and what was not synced of the log is noise. */
  'noisy log',
] as const;
export type Variant = (typeof VARIANTS)[number];

/** One power cut: when, and what the disk kept. */
export interface Cut {
  /** Line of the log before which everything may have happened. */
  readonly line: number;
  readonly variant: Variant;
  readonly seed: number;
}

const SECTOR_BYTES = 512;
const PAGE_BYTES = 4096;
/** The write-ahead log, or the rollback journal. */
const LOG = /journal\.sqlite-(?:wal|journal)$/;

/** Just before a sync has ended, with everything at stake; just after; and at the very end. */
export function linesToCut({ disk, lines, since }: Pick<Recording, 'disk' | 'lines' | 'since'>): number[] {
  const found = new Set(disk.syncs.flatMap(({ end }) => [end, end + 1]));
  return [...found.add(lines + 1)].filter((line) => line >= since).sort((a, b) => a - b);
}

/** What is found after a cut. */
export function imageAfter(disk: Disk, { line, variant }: Cut, random: Random): Image {
  const unsynced = disk.unsynced(line);
  const image = disk.image(line, keeping(variant, unsynced, random));
  for (const [path, node] of image) {
    // Shared memory is not written by system calls, and holds anything after a power cut.
    if (path.endsWith('-shm')) node.bytes = random.bytes(random.below(2) === 0 ? 0 : 32_768);
    const isNoisy = variant === 'noisy log' && LOG.test(path) && !unsynced.some(isOfLog);
    if (isNoisy)
      node.bytes = Buffer.concat([node.bytes ?? Buffer.alloc(0), random.bytes(SECTOR_BYTES * (1 + random.below(16)))]);
  }
  return image;
}

function keeping(variant: Variant, unsynced: readonly Operation[], random: Random): (operation: Operation) => Kept {
  if (variant === 'synced') return () => 'nothing';
  if (variant === 'subset') return subsetOf(unsynced, random);
  if (variant === 'short log') return shortLog(unsynced, random);
  if (variant === 'noisy log') return noisyLog(unsynced, random);
  if (variant !== 'torn at 512' && variant !== 'torn at 4096') return () => 'all';
  const step = variant === 'torn at 512' ? SECTOR_BYTES : PAGE_BYTES;
  const last = unsynced.findLast(({ kind, ...rest }) => kind === 'data' && (rest as DataOperation).bytes !== null);
  return (operation) => {
    if (operation !== last || operation.kind !== 'data') return 'all';
    const pieces = Math.ceil(operation.bytes!.length / step);
    return [{ from: 0, to: random.below(pieces) * step }];
  };
}

/** Decides once for every operation, so that asking twice gives the same image. */
function subsetOf(unsynced: readonly Operation[], random: Random): (operation: Operation) => Kept {
  const likelihood = [0.2, 0.5, 0.8][random.below(3)]!;
  const kept = new Map<Operation, Kept>();
  for (const operation of unsynced) {
    const length = operation.kind === 'data' ? (operation.bytes?.length ?? 0) : 0;
    const inParts = length > SECTOR_BYTES && random.below(3) === 0;
    kept.set(
      operation,
      inParts ? someSectors(length, likelihood, random) : random.chance(likelihood) ? 'all' : 'nothing',
    );
  }
  return (operation) => kept.get(operation) ?? 'nothing';
}

function someSectors(length: number, likelihood: number, random: Random): Range[] {
  const starts = Array.from({ length: Math.ceil(length / SECTOR_BYTES) }, (_, index) => index * SECTOR_BYTES);
  return starts
    .filter(() => random.chance(likelihood))
    .map((from) => ({ from, to: Math.min(from + SECTOR_BYTES, length) }));
}

/** All but what was written to the log behind a sector that chance chooses. */
function shortLog(unsynced: readonly Operation[], random: Random): (operation: Operation) => Kept {
  const log: readonly Operation[] = unsynced.filter(isOfLog);
  const sectors = unsynced.filter(isOfLog).flatMap((operation) => {
    const { length } = operation.bytes!;
    return Array.from({ length: Math.ceil(length / SECTOR_BYTES) }, (_, index) => ({
      operation,
      to: index * SECTOR_BYTES,
    }));
  });
  const end = sectors[random.below(sectors.length)];
  if (end === undefined) return () => 'all';
  const place = log.indexOf(end.operation);
  return (operation) => {
    if (operation === end.operation) return [{ from: 0, to: end.to }];
    return log.indexOf(operation) > place ? 'nothing' : 'all';
  };
}

/** Noise in place of what was written to the log from some write on. */
function noisyLog(unsynced: readonly Operation[], random: Random): (operation: Operation) => Kept {
  const log = unsynced.filter(isOfLog);
  const from = random.below(log.length);
  const noise = new Map(
    log.slice(from).map((each) => [each as Operation, { noise: random.bytes(each.bytes!.length) }]),
  );
  return (operation) => noise.get(operation) ?? 'all';
}

function isOfLog(operation: Operation): operation is DataOperation {
  return operation.kind === 'data' && operation.bytes !== null && LOG.test(operation.path);
}
