import type { Json, JsonObject } from '../../base/json.ts';
import {
  type EffectIntended,
  type EffectResolved,
  eventOf,
  type JournalRow,
  type PointFact,
  pointStream,
  type StudyFact,
} from '../../ir/events.ts';
import { ImpossibleFact } from '../../kernel/impossible.ts';
import type { RunMachine, UnresolvedEffect } from '../../kernel/run.ts';
import { retryRefusal } from '../../kernel/study.ts';
import { textOf } from '../message-text.ts';
import type { InboxMessage } from '../ports.ts';
import { decidedFact, type Gate } from './records.ts';
import type { EngineDeps } from './types.ts';

interface OrdersDeps extends Pick<EngineDeps, 'journal' | 'host' | 'verifyGate' | 'verifyResolution' | 'onNotice'> {
  readonly run: string;
  readonly machine: RunMachine;
  /** The gate that opened last. */
  readonly gate: () => Gate | null;
  readonly ended: () => boolean;
  /** The performance ends once what is out has answered: it was interrupted, or its approval has expired. */
  readonly draining: () => boolean;
  /** Resolves once everything that was appended so far is durable. */
  readonly durable: () => Promise<unknown>;
  /** Takes in a fact and makes it durable. @throws ImpossibleFact where it cannot happen now */
  readonly append: (point: number | null, fact: StudyFact | PointFact, observed: JsonObject) => Promise<void>;
  /** The run had ended and goes on. */
  readonly reopened: () => void;
  readonly pauseNow: () => void;
}

/**
 * What people ask of a run by messages: pause, resume, cancel, decide, resolve, try again. An order that is not possible in the state
 * in which it is read changes nothing, and is told.
 */
export class Orders {
  readonly #deps: OrdersDeps;

  constructor(deps: OrdersDeps) {
    this.#deps = deps;
  }

  /** Once it resolves, all that the message led to, or that made it needless, is durable. */
  async obey(message: InboxMessage): Promise<void> {
    await this.#obey(message);
    await this.#deps.durable();
  }

  async #obey({ kind, body }: InboxMessage): Promise<void> {
    const { study } = this.#deps.machine;
    if (study === null || (study.status === 'finished' && kind !== 'retry')) return;
    if (kind === 'gate') return this.#decideGate(body);
    if (kind === 'resolve') return this.#resolve(body);
    const by = textOf(body['by'], 'unknown');
    const reason = textOf(body['reason'], '');
    if (kind === 'retry') return this.#retry(body, by);
    if (kind === 'cancel' && (typeof body['where'] === 'string' || typeof body['phase'] === 'string')) {
      return this.#cancelPart(body, by, reason);
    }
    if (kind === 'pause') {
      if (!study.paused) await this.#deps.append(null, { type: 'run.paused', by, reason }, {});
      if (body['now'] === true) this.#deps.pauseNow();
    } else if (kind === 'resume' && this.#deps.draining()) {
      this.#deps.onNotice('A resume came while this process ends; go on with `expctl resume` when it has.');
    } else if (kind === 'resume' && study.paused) {
      await this.#deps.append(null, { type: 'run.resumed', by }, {});
    } else if (kind === 'cancel' && study.ending?.status !== 'cancelled') {
      await this.#deps.append(null, { type: 'run.cancelled', by, reason }, {});
    }
  }

  /** Cancels points or a phase; what cannot be is told, and changes nothing. */
  async #cancelPart(body: JsonObject, by: string, reason: string): Promise<void> {
    const where = typeof body['where'] === 'string' ? body['where'] : null;
    if (where !== null && !where.isWellFormed()) {
      return this.#deps.onNotice('A cancel came whose condition is no text; it changes nothing.');
    }
    const fact: StudyFact =
      where === null
        ? { type: 'phase.cancelled', phase: String(body['phase']), by, reason }
        : { type: 'points.cancelled', where, by, reason };
    await this.#appendIfPossible(fact, 'A cancel');
  }

  async #retry(body: JsonObject, by: string): Promise<void> {
    const { study, program } = this.#deps.machine;
    const given = body['points'];
    const failed = Object.keys(study?.failed ?? {}).map(Number);
    const points = Array.isArray(given) ? given.map(pointIn).sort((a, b) => a - b) : failed;
    const refusal = retryRefusal(program, study!, points);
    if (refusal !== null) return this.#deps.onNotice(`Nothing is tried again: ${refusal}`);
    this.#deps.reopened();
    await this.#deps.append(null, { type: 'points.retried', points, by }, this.#deps.host);
  }

  async #appendIfPossible(fact: StudyFact, what: string): Promise<void> {
    try {
      await this.#deps.append(null, fact, {});
    } catch (error) {
      if (!(error instanceof ImpossibleFact)) throw error;
      this.#deps.onNotice(`${what} came that is not possible now (${error.message}); it changes nothing.`);
    }
  }

  async #resolve(body: JsonObject): Promise<void> {
    const effect = this.#unresolvedAt(body);
    if (effect === undefined) return this.#deps.onNotice('It was said what became of an effect that needs nobody.');
    const { intent, statements } = await this.#historyOf(effect);
    if (intent === null) throw new Error(`no intent of ${effect.step} of point ${effect.point} in the journal`);
    const verified = await this.#deps.verifyResolution(body, effect, intent);
    if (this.#deps.ended()) return; // the message stays for whoever goes on with the run
    if (!verified.ok) return this.#deps.onNotice(`A resolution was refused: ${verified.error.message}`);
    if (this.#unresolvedAt(body)?.attempt !== effect.attempt) {
      return this.#deps.onNotice('A resolution came too late; it changes nothing.');
    }
    // One that was obeyed, and not removed before a crash, says nothing of what was sent since.
    if (statements.has(verified.value.statement_sha256)) return;
    const { point, ...which } = effect;
    const { as, outcome, statement_sha256, by, envelope_sha256 } = verified.value;
    const fact: PointFact = { type: 'effect.resolved', ...which, as, outcome, statement_sha256, by };
    await this.#deps.append(point, fact, { envelope_sha256 });
  }

  #unresolvedAt(body: JsonObject): UnresolvedEffect | undefined {
    return this.#deps.machine.unresolved().find(({ point, step }) => point === body['point'] && step === body['step']);
  }

  /** The row with which an effect was intended, and the statements that said what became of effects of its point. */
  async #historyOf({ point, step, part, attempt }: UnresolvedEffect) {
    let intent: JournalRow | null = null;
    const statements = new Set<string>();
    for await (const row of this.#deps.journal.read(this.#deps.run, { stream: pointStream(point) })) {
      if (row.type !== 'effect.intended' && row.type !== 'effect.resolved') continue;
      const event = eventOf(row) as EffectIntended | EffectResolved;
      if (event.type === 'effect.resolved') statements.add(event.statement_sha256);
      else if (event.step === step && event.part === part && event.attempt === attempt) intent = row;
    }
    return { intent, statements };
  }

  async #decideGate(body: JsonObject): Promise<void> {
    await this.#deps.durable(); // with which the gate may have opened
    const gate = this.#deps.gate();
    const isOpen = () => {
      const { study } = this.#deps.machine;
      const visit = gate === null ? null : study?.visits[gate.opened.gate];
      return this.#deps.gate() === gate && study?.status === 'at_gate' && visit === gate?.opened.occurrence;
    };
    if (gate === null || !isOpen()) {
      return this.#deps.onNotice('A decision came for a gate that is not open; it changes nothing.');
    }
    const decision = await this.#deps.verifyGate(body, gate.opened, gate.head);
    if (this.#deps.ended()) return; // the message stays for whoever goes on with the run
    if (!decision.ok) return this.#deps.onNotice(`A decision was refused: ${decision.error.message}`);
    if (!isOpen()) return this.#deps.onNotice('A decision came too late: the gate is closed; it changes nothing.');
    const { envelope_sha256 } = decision.value.details;
    await this.#deps.append(null, decidedFact(gate.opened, decision.value), { envelope_sha256 });
  }
}

/** A number of a point, or what is none of any. */
function pointIn(value: Json): number {
  return typeof value === 'number' ? value : Number.NaN;
}
