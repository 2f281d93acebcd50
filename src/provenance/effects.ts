import { hash } from 'node:crypto';
import type { JsonObject } from '../base/json.ts';
import { ChainVerifier } from '../ir/chain.ts';
import type {
  ArtifactRef,
  EffectPart,
  EffectResolved,
  JournalRow,
  Outcome,
  PointResult,
  StepFailed,
} from '../ir/events.ts';
import type { Lock } from '../ir/lock.ts';
import { STREAMS } from './replay-artifacts.ts';
import { eventOf, numberIn, observedOf, textIn } from './rows.ts';

/** One call of a tool as the journal tells it, from its intent to its known end. */
export interface EffectView {
  readonly step: string;
  readonly part: EffectPart;
  /** Logical attempt, from 1. */
  readonly attempt: number;
  /** `tool/call` */
  readonly call: string;
  readonly arguments: JsonObject;
  /** The effect's key. */
  readonly key: string | null;
  /** Sequence number and time of the intent in the point's stream. */
  readonly intended_seq: number;
  readonly intended_ms: number;
  /** How often it was sent again under the same key. */
  resent: number;
  answered_seq: number | null;
  /** As the engine saw them: when it was sent first, and when its end was known. */
  started_ms: number | null;
  ended_ms: number | null;
  /** null: not known yet. */
  outcome: Outcome | null;
  /** What a person signed of it, since nobody else knew: an answer that is not the tool's. */
  resolved: ResolvedView | null;
  readonly tool: ToolView;
  /** What the engine observed beside the answer: versions, host, exit status, digests of standard streams. */
  observed: JsonObject;
  /** Files that it made, standard streams among them. */
  artifacts: readonly MadeFile[];
}

interface ResolvedView {
  readonly as: EffectResolved['as'];
  readonly by: string;
  readonly statement_sha256: string;
  /** Milliseconds since 1970. */
  readonly at_ms: number;
}

interface MadeFile extends Omit<ArtifactRef, 'bytes'> {
  /** null where the journal does not say it: standard streams. */
  readonly bytes: number | null;
}

/** The tool of a call as it was pinned, and as it said of itself. */
interface ToolView {
  readonly name: string;
  /** SHA-256 of everything that was pinned of it. */
  readonly pin: string | null;
  readonly version: string | null;
}

/** A point as its stream tells it. */
export interface PointHistory {
  readonly point: number;
  readonly values: Readonly<Record<string, number | string>>;
  readonly effects: readonly EffectView[];
  readonly failures: readonly (StepFailed & { readonly seq: number; readonly wall_ms: number })[];
  readonly skipped: readonly string[];
  readonly result: PointResult | null;
  readonly began_ms: number | null;
  readonly ended_ms: number | null;
  readonly rows: number;
  /** Hash of the stream's last row, and whether every row follows from the one before. */
  readonly head: string | null;
  readonly chain_holds: boolean;
}

/** Folds the rows of one point's stream. */
export async function pointHistory(point: number, rows: AsyncIterable<JournalRow>, lock: Lock): Promise<PointHistory> {
  const fold = new PointFold(lock);
  for await (const row of rows) fold.take(row);
  return fold.history(point);
}

export class PointFold {
  readonly #lock: Lock;
  readonly #chain = new ChainVerifier((text) => hash('sha256', text));
  readonly #effects: EffectView[] = [];
  readonly #failures: PointHistory['failures'][number][] = [];
  readonly #skipped: string[] = [];
  #values: PointHistory['values'] = {};
  #result: PointResult | null = null;
  #began_ms: number | null = null;
  #ended_ms: number | null = null;
  #rows = 0;
  #head: string | null = null;

  constructor(lock: Lock) {
    this.#lock = lock;
  }

  take(row: JournalRow): void {
    this.#chain.take(row);
    this.#rows += 1;
    this.#head = row.hash;
    const event = eventOf(row);
    switch (event.type) {
      case 'point.began':
        this.#values = event.values;
        this.#began_ms = row.wall_ms;
        return;
      case 'effect.intended':
        this.#effects.push(intended(row, event, this.#lock));
        return;
      case 'effect.resent': {
        const effect = this.#find(event);
        if (effect !== undefined) effect.resent += 1;
        return;
      }
      case 'effect.answered': {
        const effect = this.#find(event);
        if (effect !== undefined) Object.assign(effect, answered(row, event.outcome));
        return;
      }
      case 'effect.resolved': {
        const effect = this.#find(event);
        if (effect !== undefined) Object.assign(effect, resolved(row, event));
        return;
      }
      case 'step.failed':
        this.#failures.push({ ...event, seq: row.seq, wall_ms: row.wall_ms });
        return;
      case 'step.skipped':
        this.#skipped.push(event.step);
        return;
      case 'point.ended':
        this.#result = event.result;
        this.#ended_ms = row.wall_ms;
        return;
      default:
    }
  }

  history(point: number): PointHistory {
    return {
      point,
      values: this.#values,
      effects: this.#effects,
      failures: this.#failures,
      skipped: this.#skipped,
      result: this.#result,
      began_ms: this.#began_ms,
      ended_ms: this.#ended_ms,
      rows: this.#rows,
      head: this.#head,
      chain_holds: this.#chain.report().ok,
    };
  }

  #find({ step, part, attempt }: Pick<EffectView, 'step' | 'part' | 'attempt'>): EffectView | undefined {
    return this.#effects.findLast(
      (effect) => effect.step === step && effect.part === part && effect.attempt === attempt,
    );
  }
}

function intended(
  row: JournalRow,
  event: Pick<EffectView, 'step' | 'part' | 'attempt' | 'call' | 'arguments'>,
  lock: Lock,
): EffectView {
  const { step, part, attempt, call } = event;
  const name = call.slice(0, call.indexOf('/'));
  const locked = lock.tools.find((tool) => tool.name === name);
  const server = locked?.pinned.server ?? null;
  const version = server === null ? null : `${server.name} ${server.version}`;
  return {
    step,
    part,
    attempt,
    call,
    arguments: event.arguments,
    key: textIn(observedOf(row), 'key'),
    intended_seq: row.seq,
    intended_ms: row.wall_ms,
    resent: 0,
    answered_seq: null,
    started_ms: null,
    ended_ms: null,
    outcome: null,
    resolved: null,
    tool: { name, pin: locked?.pin ?? null, version },
    observed: {},
    artifacts: [],
  };
}

/** Said not to have happened, it is out again. */
function resolved(row: JournalRow, { as, by, statement_sha256, outcome }: EffectResolved): Partial<EffectView> {
  const said: ResolvedView = { as, by, statement_sha256, at_ms: row.wall_ms };
  if (as === 'not_done') return { resolved: said, answered_seq: null, ended_ms: null, outcome: null };
  return { resolved: said, answered_seq: row.seq, ended_ms: row.wall_ms, ...(outcome === null ? {} : { outcome }) };
}

function answered(row: JournalRow, outcome: Outcome): Partial<EffectView> {
  const observed = observedOf(row);
  const named = outcome.ok ? outcome.artifacts : [];
  const kept = Object.entries(STREAMS).flatMap(([name, field]): MadeFile[] => {
    const sha256 = textIn(observed, field);
    const isNamed = sha256 === null || named.some((artifact) => artifact.sha256 === sha256);
    return isNamed ? [] : [{ name: `${name}.txt`, sha256, bytes: null }];
  });
  return {
    answered_seq: row.seq,
    started_ms: numberIn(observed, 'started_ms'),
    ended_ms: numberIn(observed, 'ended_ms') ?? row.wall_ms,
    outcome,
    observed,
    artifacts: [...named, ...kept],
  };
}
