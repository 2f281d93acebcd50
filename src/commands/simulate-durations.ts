import type { JournalReader } from '../engines/ports.ts';
import { fittedDuration, parseDuration } from '../engines/simulated/duration.ts';
import { isJsonObject } from '../base/json.ts';
import { unwrap } from '../base/result.ts';
import { eventOf, type JournalRow } from '../ir/events.ts';
import type { Lock, LockedStep } from '../ir/lock.ts';
import type { AssumedDuration, DurationSpec } from '../ir/simulation.ts';
import { readSource } from '../plan/source.ts';
import type { App } from './app.ts';
import { usage } from './options.ts';
import { shownPath } from './project.ts';

/** What a duration looks like. */
export const DURATION_HINT =
  'A duration is such as 90s, 2h, lognormal(2h, 0.3), uniform(1h, 2h) or triangular(1h, 2h, 4h).';

/** Stands for every step that is not named. */
export const OTHERS = 'others';

/** `STEP=…` options to a map. @throws ExpctlError USAGE */
export function namedValues<Value>(
  flag: string,
  given: readonly string[],
  read: (text: string) => Value,
  hint = `Write it as --${flag} NAME=VALUE.`,
): Map<string, Value> {
  const values = new Map<string, Value>();
  for (const one of given) {
    const at = one.indexOf('=');
    if (at <= 0) throw usage(`--${flag} ${one} names nothing.`, `Write it as --${flag} NAME=VALUE.`);
    values.set(one.slice(0, at).trim(), readValue(`--${flag} ${one}`, one.slice(at + 1), read, hint));
  }
  return values;
}

function readValue<Value>(what: string, text: string, read: (text: string) => Value, hint: string): Value {
  try {
    return read(text.trim());
  } catch (error) {
    throw usage(`${what} cannot be read: ${(error as Error).message}.`, hint);
  }
}

/** A file that says for each step how long it takes: YAML or JSON, `solve: lognormal(2h, 0.3)`. */
export async function durationsFile(app: App, path: string): Promise<Map<string, DurationSpec>> {
  const shown = shownPath(app, path);
  const source = readSource(shown, unwrap(await app.files.read(path)));
  const hint = 'Write one line for each step: `solve: 2h`.';
  if (!source.ok) throw usage(`${shown} cannot be read: ${source.error[0]?.message ?? 'it is no YAML'}`, hint);
  const { value } = source.value;
  if (!isJsonObject(value)) throw usage(`${shown} holds no steps.`, hint);
  return new Map(
    Object.entries(value).map(([step, text]) => {
      if (typeof text !== 'string') throw usage(`${shown} says of ${step} what is no duration.`, hint);
      return [step, readValue(`${step} in ${shown}`, text, parseDuration, DURATION_HINT)];
    }),
  );
}

/** Seconds that calls took in the runs of a store, by `tool/call`; of a job, from its first poll to its last. */
export async function recordedDurations(reader: JournalReader): Promise<Map<string, number[]>> {
  const seconds = new Map<string, number[]>();
  for (const { run } of await reader.runs()) {
    const calls = new Map<string, string>();
    for await (const row of reader.read(run)) note(row, calls, seconds);
  }
  return seconds;
}

function note(row: JournalRow, calls: Map<string, string>, seconds: Map<string, number[]>): void {
  if (row.type !== 'effect.intended' && row.type !== 'effect.answered') return;
  const event = eventOf(row);
  if (event.type !== 'effect.intended' && event.type !== 'effect.answered') return;
  const name = `${row.stream} ${event.step} ${event.part}`;
  if (event.type === 'effect.intended') return void calls.set(name, event.call);
  const { started_ms, ended_ms } = JSON.parse(row.observed) as { started_ms?: unknown; ended_ms?: unknown };
  const call = calls.get(name);
  if (!event.outcome.ok || call === undefined) return;
  if (typeof started_ms !== 'number' || typeof ended_ms !== 'number' || ended_ms < started_ms) return;
  seconds.set(call, [...(seconds.get(call) ?? []), (ended_ms - started_ms) / 1000]);
}

interface Sources {
  readonly given: ReadonlyMap<string, DurationSpec>;
  readonly recorded: ReadonlyMap<string, readonly number[]>;
}

/** How long each part of each step takes. @throws ExpctlError USAGE, with the steps of which nobody has said it */
export function assumedDurations(lock: Lock, sources: Sources): AssumedDuration[] {
  refuseUnknown(lock, sources.given);
  const assumed = lock.pipeline.flatMap((step) => partsOf(step).map((part) => assume(part, sources)));
  const missing = assumed.flatMap(({ part, duration }) => (duration === null ? [part.names[0]!] : []));
  if (missing.length === 0) return assumed.map(({ duration }) => duration!);
  const example = `--duration ${missing[0]}=5min, --duration ${OTHERS}=1min for all that are not named`;
  const hint = `Say it: ${example}, or take them from earlier runs by --from-runs.`;
  throw usage(`Nobody has said how long ${missing.join(', ')} ${missing.length === 1 ? 'takes' : 'take'}.`, hint);
}

interface Part {
  /** As the simulation names it. */
  readonly part: string;
  /** As a person may name it, best first. */
  readonly names: readonly string[];
  readonly call: string;
  /** Takes no time unless somebody says so: submission and fetching of a job. */
  readonly minor: boolean;
}

function partsOf({ name, call, job }: LockedStep): Part[] {
  if (job === null) return [{ part: name, names: [name], call: call!.call, minor: false }];
  const minor = (part: string, of: string) => ({
    part: `${name}.${part}`,
    names: [`${name}.${part}`],
    call: of,
    minor: true,
  });
  return [
    minor('submit', job.submit.call),
    { part: `${name}.poll`, names: [name, `${name}.poll`], call: job.poll.call, minor: false },
    ...(job.fetch === null ? [] : [minor('fetch', job.fetch.call)]),
  ];
}

function assume(part: Part, { given, recorded }: Sources): { part: Part; duration: AssumedDuration | null } {
  const named = part.names.flatMap((name) => given.get(name) ?? [])[0];
  const records = recorded.get(part.call) ?? [];
  const others = part.minor ? undefined : given.get(OTHERS);
  const of = (spec: DurationSpec, source: AssumedDuration['source'], count = 0) => ({
    part,
    duration: { part: part.part, spec, source, records: count },
  });
  if (named !== undefined) return of(named, 'given');
  if (records.length > 0) return of(fittedDuration(records), 'recorded', records.length);
  if (others !== undefined) return of(others, 'given');
  return part.minor ? of({ kind: 'constant', seconds: 0 }, 'none') : { part, duration: null };
}

function refuseUnknown(lock: Lock, given: ReadonlyMap<string, unknown>): void {
  const known = new Set([OTHERS, ...lock.pipeline.flatMap((step) => partsOf(step).flatMap(({ names }) => names))]);
  const unknown = [...given.keys()].find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw usage(`The plan has no step ${unknown}.`, `Its steps are ${lock.pipeline.map(({ name }) => name).join(', ')}.`);
}
