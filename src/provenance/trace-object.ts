import { type JournalRow, pointOf } from '../ir/events.ts';
import { type EffectView, PointFold } from './effects.ts';
import { eventOf } from './rows.ts';
import type { TraceInput } from './trace.ts';

/** What a digest names in a run. */
interface ObjectMeaning {
  readonly sha256: string;
  readonly is: string;
  readonly bytes: number | null;
  /** Whether the store holds it: keys and hashes name nothing that is kept. */
  readonly kept: boolean;
  /** Effects that made it. */
  readonly made_by: readonly EffectAt[];
  /** Effects whose arguments name it, or that were known by it. */
  readonly used_by: readonly EffectAt[];
}

interface EffectAt {
  readonly point: number;
  readonly effect: EffectView;
}

export interface ObjectTrace {
  readonly kind: 'object';
  readonly run: string;
  readonly prefix: string;
  readonly objects: readonly ObjectMeaning[];
}

type Draft = { -readonly [K in keyof ObjectMeaning]: ObjectMeaning[K] } & { made_by: EffectAt[]; used_by: EffectAt[] };

/** All that a digest, or its beginning, names: files, keys of effects, rows, the lock and what it names. Reads the whole journal; memory: the points in flight. */
export async function traceObject(input: TraceInput, prefix: string): Promise<ObjectTrace> {
  const search = new Search(prefix);
  const folds = new Map<number, PointFold>();
  search.named(input);
  const close = (point: number): void => {
    for (const effect of folds.get(point)?.history(point).effects ?? []) search.effect({ point, effect });
    folds.delete(point);
  };
  for await (const row of input.reader.read(input.run.run)) {
    search.row(row);
    const point = pointOf(row.stream);
    if (point === null) {
      const event = eventOf(row);
      if (event.type === 'point.finished') close(event.point);
      continue;
    }
    const fold = folds.get(point) ?? new PointFold(input.program.lock);
    folds.set(point, fold);
    fold.take(row);
  }
  for (const point of [...folds.keys()]) close(point);
  const objects: ObjectMeaning[] = [];
  for (const found of search.found.values()) objects.push({ ...found, kept: await input.objects.has(found.sha256) });
  return { kind: 'object', run: input.run.run, prefix, objects };
}

class Search {
  readonly found = new Map<string, Draft>();
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  named({ run, program }: TraceInput): void {
    this.#note(run.lock_sha256, 'the lock');
    this.#note(run.request_sha256, 'the request for its approval');
    for (const { id, sha256 } of program.lock.tables) this.#note(sha256, `the design table ${id}`);
    for (const { name, pin, pinned } of program.lock.tools) {
      this.#note(pin, `the pin of the tool ${name}`);
      for (const { file, sha256 } of pinned.program) this.#note(sha256, `the file ${file} of the tool ${name}`);
    }
  }

  row({ type, stream, seq, hash, body, observed }: JournalRow): void {
    this.#note(hash, `the row ${stream}/${seq}, ${type}`);
    if (type !== 'run.started' && type !== 'gate.decided') return;
    const what = type === 'run.started' ? 'an approval' : 'the decision of a gate';
    for (const [digest] of `${type === 'run.started' ? body : observed + body}`.matchAll(/[0-9a-f]{64}/g)) {
      this.#note(digest, `${what}, ${stream}/${seq}`);
    }
  }

  effect(at: EffectAt): void {
    const { effect } = at;
    if (effect.key !== null) this.#note(effect.key, `the key of an effect`)?.used_by.push(at);
    for (const { name, sha256, bytes } of effect.artifacts) {
      const found = this.#note(sha256, `the file ${name}`);
      if (found === undefined) continue;
      found.bytes ??= bytes;
      found.made_by.push(at);
    }
    const text = JSON.stringify(effect.arguments);
    for (const found of this.found.values()) {
      if (text.includes(found.sha256) && !found.used_by.includes(at)) found.used_by.push(at);
    }
  }

  /** The first thing that a digest was found to be stands. */
  #note(sha256: string, is: string): Draft | undefined {
    if (!sha256.startsWith(this.#prefix)) return undefined;
    const known = this.found.get(sha256);
    if (known !== undefined) return known;
    const found: Draft = { sha256, is, bytes: null, kept: false, made_by: [], used_by: [] };
    this.found.set(sha256, found);
    return found;
  }
}
