import { hash } from 'node:crypto';
import { messageOf } from '../base/error.ts';
import type { Json } from '../base/json.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { ChainVerifier } from '../ir/chain.ts';
import {
  isShared,
  type EffectIntended,
  type JournalRow,
  OLDEST_SEMANTICS,
  pointOf,
  type RunEvent,
  type RunFinished,
  SEMANTICS,
} from '../ir/events.ts';
import { Divergence, shownEvent } from '../kernel/divergence.ts';
import type { Program } from '../kernel/program.ts';
import { RunMachine } from '../kernel/run.ts';
import { ArtifactEvidence } from './replay-artifacts.ts';
import { Mismatch, type ReplayDivergence } from './mismatch.ts';
import { type EvidenceInput, PeopleEvidence } from './replay-evidence.ts';
import { eventOf, observedOf, textIn } from './rows.ts';

interface ReplayInput extends EvidenceInput {
  readonly program: Program;
  /** All rows of the run, ordered by position. */
  readonly rows: AsyncIterable<JournalRow>;
  /** How engines name effects; passed in, since nothing here knows engines. */
  readonly effectKey: (run: string, point: number, intent: Omit<EffectIntended, 'type'>) => string;
}

/** What was recomputed and found to be as it stands. */
interface Proved {
  events: number;
  streams: number;
  /** Points that came to their end. */
  points: number;
  /** Effects whose intent, arguments and key were recomputed. */
  effects: number;
  /** Decisions of rules, and of people at gates. */
  decisions: number;
  approvals: number;
  /** Approvals and gate decisions whose signature holds. */
  signatures: number;
  artifacts: number;
  artifact_bytes: number;
}

export interface ReplayReport {
  readonly run: string;
  readonly plan: string;
  readonly lock_sha256: string;
  /** null: the run has not ended, or the journal was cut where nothing has to follow. */
  readonly ended: { readonly status: RunFinished['status']; readonly reason: string } | null;
  readonly proved: Proved;
  /** What was not checked, and why. */
  readonly not_checked: readonly string[];
  /** The first place at which the evidence does not hold; null where all of it holds. */
  readonly divergence: ReplayDivergence | null;
}

/**
 * Recomputes a run from its lock and its journal; no tool is needed, or reached.
 *
 * Row by row, in the journal's order, and at each row in this order: hash chains and heads; digests (lock, request, effect keys);
 * the kernel, which has to come to the same event; signatures; artifacts. The first thing that differs ends it.
 */
export async function replayRun(input: ReplayInput): Promise<ReplayReport> {
  const replay = new Replay(input);
  const divergence = await replay.run();
  return replay.report(divergence);
}

/** A journal that was cut looks like a run that has not ended. */
const UNFINISHED = 'What would follow, and whether rows were cut off at the end: the run has not ended.';

class Replay {
  readonly #input: ReplayInput;
  readonly #chain = new ChainVerifier((text) => hash('sha256', text));
  readonly #machine: RunMachine;
  readonly #people: PeopleEvidence;
  readonly #artifacts: ArtifactEvidence;
  readonly #count = { events: 0, points: 0, effects: 0, rules: 0 };
  #ended: ReplayReport['ended'] = null;
  #last_study_seq = 0;

  constructor(input: ReplayInput) {
    this.#input = input;
    this.#machine = new RunMachine(input.program);
    this.#people = new PeopleEvidence(input);
    this.#artifacts = new ArtifactEvidence(input.objects);
  }

  async run(): Promise<ReplayDivergence | null> {
    try {
      for await (const row of this.#input.rows) await this.#take(row);
      this.#close();
      return null;
    } catch (error) {
      if (error instanceof Mismatch) return error.divergence;
      throw error;
    }
  }

  report(divergence: ReplayDivergence | null): ReplayReport {
    const { run, name, lock_sha256 } = this.#input.run;
    const { events, points, effects, rules } = this.#count;
    const { approvals, decisions, signatures } = this.#people;
    const { artifacts, artifact_bytes } = this.#artifacts;
    const streams = this.#chain.report().streams;
    const people = { decisions: rules + decisions, approvals, signatures };
    const proved = { events, streams, points, effects, ...people, artifacts, artifact_bytes };
    const not_checked = divergence === null ? [...this.#people.not_checked, ...this.#unsigned()] : [];
    return { run, plan: name, lock_sha256, ended: this.#ended, proved, not_checked, divergence };
  }

  async #take(row: JournalRow): Promise<void> {
    this.#checkChain(row);
    const event = this.#checkDigests(row);
    if (event.type === 'run.started') this.#machine.has_many_writers = isShared(row);
    this.#checkKernel(row, event);
    await this.#checkEvidence(row, event);
    this.#count.events += 1;
    if (row.stream === 'study') this.#last_study_seq = row.seq;
  }

  #checkChain(row: JournalRow): void {
    this.#chain.take(row);
    const report = this.#chain.report();
    const [problem] = report.ok ? [] : report.problems;
    if (problem === undefined) return;
    const expected: Record<typeof problem.verdict, string> = {
      GAP: 'the next row of the stream',
      CHAIN_BREAK: 'a row that follows the row before it',
      BODY_MISMATCH: 'a row whose hash is that of its content',
      HEAD_MISMATCH: "the head of the point's stream",
    };
    throw new Mismatch('chain', row, expected[problem.verdict], problem.message);
  }

  #checkDigests(row: JournalRow): RunEvent {
    const expected = 'an event in canonical JSON';
    for (const text of [row.body, row.observed]) {
      if (!isCanonicalObject(text)) throw new Mismatch('digest', row, expected, text.slice(0, 200));
    }
    const event = eventOf(row);
    if (event.type === 'run.started' && (event.semantics < OLDEST_SEMANTICS || event.semantics > SEMANTICS)) {
      const known = `semantics ${OLDEST_SEMANTICS} to ${SEMANTICS}, which this build knows`;
      throw new Mismatch('kernel', row, known, `${event.semantics}`);
    }
    return event;
  }

  /** Events are data: one that is malformed makes the kernel fail, and has not followed from anything. */
  #checkKernel(row: JournalRow, event: RunEvent): void {
    try {
      this.#machine.take(row.stream, row.seq, event);
    } catch (error) {
      throw error instanceof Divergence ? byKernel(error) : malformed(row, event, error);
    }
    const point = pointOf(row.stream);
    if (event.type !== 'effect.intended' || point === null) return;
    // Only now: the kernel has found the arguments to be those of the plan, so that the key is all that can differ.
    const key = this.#input.effectKey(this.#input.run.run, point, event);
    const found = textIn(observedOf(row), 'key');
    if (found !== key) throw new Mismatch('digest', row, `the effect's key ${key}`, found ?? 'none');
  }

  async #checkEvidence(row: JournalRow, event: RunEvent): Promise<void> {
    switch (event.type) {
      case 'run.started':
        return this.#people.started(row, event);
      case 'gate.opened':
        return this.#people.opened(row, event);
      case 'gate.decided':
        return this.#people.decided(row, event, textIn(observedOf(row), 'envelope_sha256'));
      case 'effect.answered':
        return this.#artifacts.answered(row, event);
      case 'effect.resolved':
        return this.#people.resolved(row, event, textIn(observedOf(row), 'envelope_sha256'));
      case 'effect.intended':
        this.#count.effects += 1;
        return this.#people.intended(row, event);
      case 'point.ended':
        return this.#people.pointEnded(row, event);
      case 'point.finished':
        this.#count.points += 1;
        return;
      case 'decision.made':
        this.#count.rules += 1;
        return;
      case 'run.finished':
        this.#ended = { status: event.status, reason: event.reason };
        return;
      default:
    }
  }

  #close(): void {
    if (this.#count.events === 0) {
      throw new Mismatch('kernel', { stream: 'study', seq: 1 }, 'run.started', 'an empty journal');
    }
    try {
      this.#machine.close();
    } catch (error) {
      if (!(error instanceof Divergence)) throw error;
      throw byKernel(error);
    }
  }

  /** An unkeyed chain can be rewritten from behind the last signature to the end; the kernel then judges it alone. */
  #unsigned(): string[] {
    const unfinished = this.#ended === null ? [UNFINISHED] : [];
    if (this.#input.trust === null) return unfinished;
    const from = (this.#people.signed_to_seq ?? 0) + 1;
    const behind = `That tools gave the answers behind study/${from - 1}: it is the last head of the journal that a person signed.`;
    const none = 'That tools gave these answers: no head of the journal was signed at a gate.';
    return [...unfinished, ...(from <= this.#last_study_seq ? [from === 1 ? none : behind] : [])];
  }
}

function byKernel({ stream, seq, expected, found }: Divergence): Mismatch {
  return new Mismatch('kernel', { stream, seq }, expected, found);
}

function malformed(row: JournalRow, event: RunEvent, error: unknown): Mismatch {
  return new Mismatch('kernel', row, 'an event that can be taken', `${shownEvent(event)}: ${messageOf(error)}`);
}

function isCanonicalObject(text: string): boolean {
  try {
    return text.startsWith('{') && canonicalJson(JSON.parse(text) as Json) === text;
  } catch {
    return false;
  }
}
