import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '../../src/ir/canonical.ts';
import type { DesignTable, Lock } from '../../src/ir/lock.ts';
import { Driver, type Entry, seededDice } from './driver.ts';
import { richLock } from './locks.ts';

const file = (name: string) => fileURLToPath(new URL(`../journals/${name}`, import.meta.url));
const JOURNAL = file('kernel-small.jsonl');
const LOCK = file('kernel-small.lock.json');

/** A lock with its tables, and the events of one run of it. */
export interface SmallJournal {
  readonly lock: Lock;
  readonly tables: readonly (readonly [string, DesignTable])[];
  readonly entries: readonly Entry[];
}

/**
 * The journal that every later build must be able to replay: semantics 1, with retries, jobs, skips, pools, a pause, a gate and an
 * extension. It is written once, when it is not there, and never again.
 */
export function smallJournal(): SmallJournal {
  if (!existsSync(JOURNAL)) write();
  const { lock, tables } = JSON.parse(readFileSync(LOCK, 'utf8')) as Omit<SmallJournal, 'entries'>;
  const lines = readFileSync(JOURNAL, 'utf8').trimEnd().split('\n');
  return { lock, tables, entries: lines.map((line) => JSON.parse(line) as Entry) };
}

function write(): void {
  const { lock, tables, program } = richLock({
    budget: { points: 14, calls: 300, wall_time_s: 3600, failed_points: 8 },
  });
  const weights = { disturbances: 30, cancels: false, failures: 0.08 };
  for (let seed = 1; ; seed += 1) {
    const { journal } = new Driver(program, seededDice(seed), weights).play();
    const types = new Set(journal.map(({ event }) => event.type));
    const last = journal.at(-1)!.event;
    if (!ALL.every((type) => types.has(type)) || last.type !== 'run.finished' || last.status !== 'completed') continue;
    writeFileSync(LOCK, `${canonicalJson({ lock, tables: [...tables] })}\n`);
    writeFileSync(JOURNAL, journal.map((entry) => `${canonicalJson(entry)}\n`).join(''));
    return;
  }
}

const ALL = [
  'run.paused',
  'run.resumed',
  'point.paused',
  'point.resumed',
  'step.skipped',
  'step.failed',
  'step.granted',
  'effect.resent',
  'point.timer_fired',
  'gate.decided',
  'decision.made',
] as const;
