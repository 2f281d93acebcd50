import type { ApprovedLock } from '../../approval/authorise.ts';
import type { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { JsonObject } from '../../base/json.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import {
  type EffectAnswered,
  type EffectResolved,
  eventOf,
  type GateDecided,
  type JournalRow,
  type Observed,
  pointOf,
  pointStream,
} from '../../ir/events.ts';
import type { Lock } from '../../ir/lock.ts';
import type { PollCommand, SendCommand } from '../../kernel/point.ts';
import type { Program } from '../../kernel/program.ts';
import type { RunCommand, UnresolvedEffect } from '../../kernel/run.ts';
import { effectKey } from '../effect-key.ts';
import { decidedFact } from '../embedded/records.ts';
import type { EngineDeps, VerifiedResolution } from '../embedded/types.ts';
import type { Clock, Lease, ToolHost } from '../ports.ts';
import { pooledSteps, tokenExchange } from '../token-exchange.ts';
import type { LedgerEntry, NumberedEvents, SharedJournal } from './ports.ts';
import type { Tail } from './protocol.ts';
import { type NumberedEvent, RunMirror, refused } from './run-mirror.ts';

/** A run that this worker has found to be approved, by its own policy and the bytes in the store. */
export interface AuthorisedRun extends Pick<EngineDeps, 'verifyGate' | 'verifyResolution' | 'workFolder' | 'host'> {
  readonly run: string;
  readonly approved: ApprovedLock<Lock>;
  readonly program: Program;
  readonly tools: ToolHost;
}

/** What was written, and the effect that it was written for. */
export interface Written {
  readonly effect: LedgerEntry | null;
  /** How often the effect may be sent, where it must not happen twice. */
  readonly sendings_allowed: number;
  /** Events `effect.resent` that stand in the journal already, and sendings that a person asked for. */
  readonly sendings_told: number;
}

/**
 * One run, as a worker performs parts of it: what its workflows hand over is believed only where it follows from the lock, from what the
 * ledger says that tools answered, and from what people have signed.
 *
 *   W1. Nothing is written that does not follow from the lock (`RunMirror`).
 *   W2. An answer is written only as the ledger has it; a decision, or a resolution, only where a signed message says so.
 *   W3. Only what the run waits for is sent, once its intent is in journal and ledger, both in one transaction.
 */
export class PerformedRun {
  readonly authorised: AuthorisedRun;
  readonly lease: Lease;
  readonly mirror: RunMirror;
  readonly #journal: SharedJournal;
  readonly #clock: Clock;
  readonly #uses_pools: ReadonlySet<string>;
  #latest_ms = 0;

  constructor(authorised: AuthorisedRun, lease: Lease, journal: SharedJournal, clock: Clock) {
    this.authorised = authorised;
    this.lease = lease;
    this.#journal = journal;
    this.#clock = clock;
    this.mirror = new RunMirror(authorised.run, authorised.program, journal, () => clock.now_ms());
    this.#uses_pools = pooledSteps(authorised.program);
  }

  /** Whether the approval still holds. The clock may be set back: one that has expired stays expired. */
  mayDispatch(): Result<void> {
    this.#latest_ms = Math.max(this.#latest_ms, this.mirror.last_wall_ms, this.#clock.now_ms());
    return this.authorised.approved.checkTime(this.#latest_ms);
  }

  /** Whether the run is still this cluster's. */
  async holds(): Promise<Result<void>> {
    const held = await this.#journal.sharedRun(this.lease.run);
    if (!held.ok) return held;
    return held.value.lease.fence === this.lease.fence ? ok(undefined) : err(refused(this.lease.run, 'it was moved'));
  }

  /**
   * Writes tails, once; and the intent of an effect with them.
   *
   * @param obeyed messages that led to the events
   * @throws ExpctlError EVIDENCE_BROKEN where something does not follow, or the effect is none that the run waits for; RUN_LOCKED
   */
  async write(
    tails: readonly Tail[],
    {
      effect,
      obeyed = [],
    }: {
      readonly effect?: { readonly point: number; readonly command: SendCommand | PollCommand };
      readonly obeyed?: readonly number[];
    } = {},
  ): Promise<Written> {
    try {
      const begun = await this.mirror.turn(() => this.#begin(tails, effect ?? null, obeyed));
      return await begun.written();
    } catch (error) {
      this.mirror.reset(); // it may have taken what was not written
      throw error;
    }
  }

  async #begin(
    tails: readonly Tail[],
    effect: { readonly point: number; readonly command: SendCommand | PollCommand } | null,
    obeyed: readonly number[],
  ): Promise<{ written: () => Promise<Written> }> {
    const { run } = this.authorised;
    const fresh: NumberedEvent[] = [];
    for (const tail of tails) fresh.push(...(await this.mirror.fresh(tail)));
    const observed = new Map<NumberedEvent, Observed>();
    const commands = await this.#take(fresh, observed);
    const key = effect === null ? null : effectKey(run, effect.point, effect.command);
    const known = key === null ? null : await this.#journal.effect(run, key);
    const open = effect === null ? null : this.mirror.open.of(effect.point, effect.command);
    const told = {
      sendings_allowed: 1 + (open?.not_done ?? 0),
      sendings_told: (open?.not_done ?? 0) + (open?.resent ?? 0),
    };
    // What was answered is answered again, whatever the run waits for by now.
    const answered = known !== null && known.answer !== null;
    if (effect !== null && !answered && !this.mirror.asks(effect.point, effect.command)) {
      throw refused(run, `the run does not wait for ${effect.command.call} of point ${effect.point}`);
    }
    const exchange = tokenExchange(run, this.#uses_pools, fresh, commands);
    if (fresh.length === 0 && exchange === null && obeyed.length === 0 && (effect === null || answered)) {
      return { written: async () => ({ effect: known, ...told }) };
    }
    const committed = this.#journal.commit(this.lease, {
      tails: tails.map((tail) => numbered(tail, fresh, observed)).filter(({ events: rows }) => rows.length > 0),
      ...(exchange === null ? {} : { exchange }),
      ...(effect === null || answered ? {} : { intent: intentOf(effect, key!) }),
      obeyed,
    });
    committed.catch(() => undefined); // told by `written`
    return { written: async () => ({ effect: known?.answer ? known : (await committed).effect, ...told }) };
  }

  /** Feeds the kernel, each fact once it was found to be true. */
  async #take(fresh: readonly NumberedEvent[], observed: Map<NumberedEvent, Observed>): Promise<readonly RunCommand[]> {
    const commands: RunCommand[] = [];
    for (const event of fresh) {
      observed.set(event, await this.#observedOf(event));
      commands.push(...this.mirror.take(event));
    }
    return commands;
  }

  /** What is observed of an event. @throws ExpctlError EVIDENCE_BROKEN where it is not true */
  async #observedOf({ stream, event }: NumberedEvent): Promise<Observed> {
    const { run } = this.authorised;
    const point = pointOf(stream);
    switch (event.type) {
      case 'effect.intended':
        return { key: effectKey(run, point!, event) };
      case 'effect.answered':
        return this.#answeredAs(point!, event);
      case 'step.granted':
        await this.#assertGranted(point!, event.step);
        return {};
      case 'gate.decided':
        return { envelope_sha256: await this.#decidedBy(event) };
      case 'effect.resolved':
        return { envelope_sha256: await this.#resolvedBy(point!, event) };
      default:
        return {};
    }
  }

  /** Tokens are the store's to grant, whoever says so. */
  async #assertGranted(point: number, step: string): Promise<void> {
    const { run } = this.authorised;
    const { claims } = await this.#journal.pools();
    const claim = claims.find((one) => one.run === run && one.point === point && one.step === step);
    if ((claim?.held_ms ?? null) === null) throw refused(run, `${step} of point ${point} holds no tokens`);
  }

  async #answeredAs(point: number, event: EffectAnswered): Promise<Observed> {
    const { run, host } = this.authorised;
    const open = this.mirror.open.of(point, event);
    const entry = open === null ? null : await this.#journal.effect(run, open.key);
    if (entry === null) throw refused(run, `${event.step} of point ${point} was never sent`);
    if (entry.answer === null) {
      // The ledger holds no answer of which nobody knows.
      if (!event.outcome.ok && event.outcome.class === 'unknown_outcome') return { ...host };
      throw refused(run, `${event.step} of point ${point} was not answered`);
    }
    if (canonicalJson(entry.answer.outcome) !== canonicalJson(event.outcome)) {
      throw refused(run, `${event.step} of point ${point} was answered otherwise`);
    }
    return entry.answer.observed;
  }

  async #decidedBy(event: GateDecided): Promise<string> {
    const { run, verifyGate } = this.authorised;
    const { gate } = this.mirror;
    if (gate === null) throw refused(run, 'no gate was opened');
    for (const { kind, body } of await this.#journal.inbox(run)) {
      if (kind !== 'gate') continue;
      const decision = await verifyGate(body, gate.opened, gate.head);
      if (!decision.ok) continue;
      const decided = decidedFact(gate.opened, decision.value);
      if (canonicalJson({ ...decided }) === canonicalJson({ ...event })) return decision.value.details.envelope_sha256;
    }
    throw refused(run, `nobody has signed this decision at gate ${event.gate}`);
  }

  async #resolvedBy(point: number, event: EffectResolved): Promise<string> {
    const { run } = this.authorised;
    for (const { kind, body } of await this.#journal.inbox(run)) {
      if (kind !== 'resolve') continue;
      const resolution = await this.resolution(body, { point, ...whichOf(event) });
      if (!resolution.ok || resolution.value === null) continue;
      const { envelope_sha256, ...said } = resolution.value;
      const resolved = { type: 'effect.resolved', ...whichOf(event), ...said };
      if (canonicalJson(resolved) === canonicalJson({ ...event })) return envelope_sha256;
    }
    throw refused(run, `nobody has signed what became of ${event.step} of point ${point}`);
  }

  /** What a person signed about an unresolved effect; null where it was obeyed already. */
  async resolution(body: JsonObject, effect: UnresolvedEffect): Promise<Result<VerifiedResolution | null>> {
    const { run, verifyResolution } = this.authorised;
    let intent: JournalRow | null = null;
    const statements = new Set<string>();
    for await (const row of this.#journal.read(run, { stream: pointStream(effect.point) })) {
      const event = eventOf(row);
      if (event.type === 'effect.resolved') statements.add(event.statement_sha256);
      else if (event.type === 'effect.intended' && isSame(event, effect)) intent = row;
    }
    if (intent === null) return err(noSuchEffect(run, effect));
    const verified = await verifyResolution(body, effect, intent);
    return verified.ok && statements.has(verified.value.statement_sha256) ? ok(null) : verified;
  }
}

function whichOf({ step, part, attempt }: Omit<UnresolvedEffect, 'point'>): Omit<UnresolvedEffect, 'point'> {
  return { step, part, attempt };
}

function isSame(one: Omit<UnresolvedEffect, 'point'>, other: Omit<UnresolvedEffect, 'point'>): boolean {
  return one.step === other.step && one.part === other.part && one.attempt === other.attempt;
}

function noSuchEffect(run: string, { step, point }: UnresolvedEffect): ExpctlError {
  return refused(run, `no intent of ${step} of point ${point} is in the journal`);
}

function intentOf({ point, command }: { point: number; command: SendCommand | PollCommand }, key: string) {
  return { key, point, step: command.step, part: command.part, attempt: command.attempt };
}

/** The events of a tail that are new, with what was observed of them. */
function numbered(
  { stream, first_seq, events }: Tail,
  fresh: readonly NumberedEvent[],
  observed: ReadonlyMap<NumberedEvent, Observed>,
): NumberedEvents {
  const rows = fresh.filter((event) => event.stream === stream);
  const last_seq = first_seq + events.length - 1;
  return {
    stream,
    first_seq: rows[0]?.seq ?? last_seq + 1,
    events: rows.map((row) => ({ event: row.event, observed: observed.get(row) ?? {} })),
  };
}
