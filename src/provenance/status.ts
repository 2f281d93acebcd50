import type { PointResult } from '../ir/events.ts';
import type { UnresolvedEffect } from '../kernel/run.ts';
import { etaOf, type Eta } from './eta.ts';
import type { ReplayDivergence } from './mismatch.ts';
import type { RunFacts, RunHolder } from './ports.ts';
import { plannedPoints, pointValues, type RunFold, type RunState, stateOf, type StepInFlight } from './state.ts';
import type { GateView, PhaseView } from './study.ts';

/** The state of a run: what `status --json` prints. Times in milliseconds since 1970, durations in seconds. */
export interface RunStatus {
  readonly run: string;
  readonly plan: string;
  readonly goal: string;
  readonly lock_sha256: string;
  readonly state: RunState;
  readonly reason: string | null;
  /** What waits for a person, and which command they give. */
  readonly waits_for: WaitsFor | null;
  readonly performed_by: RunHolder;
  readonly started_ms: number;
  readonly ended_ms: number | null;
  readonly active_s: number;
  readonly phase: (PhaseView & { readonly number: number; readonly of: number }) | null;
  readonly points: {
    readonly planned: number;
    readonly done: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly cancelled: number;
    readonly feasible: number;
  };
  readonly in_flight: readonly { readonly point: number; readonly steps: readonly StepInFlight[] }[];
  /** Failed points by the class of their failure. */
  readonly failures: Readonly<Record<string, number>>;
  readonly pools: Readonly<Record<string, { readonly held: number; readonly tokens: number }>>;
  /** Steps that wait for tokens. */
  readonly waiting_for_pools: number;
  /** Effects of which nobody knows what became of them: `expctl resolve`. */
  readonly unresolved: readonly UnresolvedEffect[];
  readonly best: BestPoint | null;
  readonly budget: Readonly<Record<'points' | 'calls' | 'failed_points' | 'wall_time_s', BudgetUse>>;
  readonly eta: Eta | null;
  readonly last_event_ms: number;
  /** Where the kernel disagrees with the journal; null where it agrees. `replay` looks closer. */
  readonly broken: ReplayDivergence | null;
}

export interface WaitsFor {
  readonly gate: string;
  readonly occurrence: number;
  readonly role: string;
  readonly ask: string;
  readonly outcomes: readonly string[];
  readonly since_ms: number;
  /** A decision was handed in, and nobody performs the run to take it. */
  readonly decision_posted: boolean;
  readonly command: string;
}

interface BestPoint {
  readonly point: number;
  readonly values: Readonly<Record<string, number | string>>;
  readonly metrics: PointResult['metrics'];
}

interface BudgetUse {
  readonly used: number;
  /** null: no limit. */
  readonly limit: number | null;
}

interface StatusInput {
  readonly run: RunFacts;
  readonly fold: RunFold;
  readonly holder: RunHolder;
  /** Kinds of the messages that nobody has taken yet. */
  readonly inbox: readonly string[];
}

export function statusOf(input: StatusInput): RunStatus {
  const { run, fold, holder, inbox } = input;
  const { study, program, machine } = fold;
  const gate = study.finished === null ? study.open_gate : null;
  const { succeeded, failed, cancelled, feasible } = study.counts;
  const unresolved = machine.unresolved();
  return {
    run: run.run,
    plan: run.name,
    goal: program.lock.goal,
    lock_sha256: run.lock_sha256,
    state: stateOf(study, holder, unresolved.length),
    reason: study.finished?.reason ?? null,
    waits_for: gate === null ? null : waitsFor(run.run, gate, inbox.includes('gate')),
    performed_by: holder,
    started_ms: study.started?.at.wall_ms ?? run.created_ms,
    ended_ms: study.finished?.at.wall_ms ?? null,
    active_s: fold.active_ms / 1000,
    phase: phaseOf(fold),
    points: {
      planned: plannedPoints(program.lock, study),
      done: study.done,
      succeeded,
      failed,
      cancelled,
      feasible,
    },
    in_flight: (machine.study?.in_flight ?? []).map((point) => ({ point, steps: fold.inFlight(point) })),
    failures: study.failures,
    pools: poolsOf(fold),
    waiting_for_pools: machine.pools.waiting.length,
    unresolved,
    best: bestOf(fold),
    budget: budgetOf(fold),
    eta: etaOf(fold),
    last_event_ms: study.last?.wall_ms ?? run.created_ms,
    broken: fold.broken,
  };
}

export function waitsFor(run: string, gate: GateView, decision_posted: boolean): WaitsFor {
  const { occurrence, role, ask, outcomes, opened } = gate;
  const decide = `expctl gate ${run} --outcome '${outcomes.join('|')}' --key FILE`;
  const command = decision_posted ? `expctl resume ${run}` : decide;
  return { gate: gate.gate, occurrence, role, ask, outcomes, since_ms: opened.wall_ms, decision_posted, command };
}

function phaseOf({ study, program }: RunFold): RunStatus['phase'] {
  const { phase } = study;
  if (phase === null) return null;
  const number = program.phases.findIndex(({ locked }) => locked.phase === phase.phase) + 1;
  return { ...phase, number, of: program.phases.length };
}

function poolsOf({ machine, program }: RunFold): RunStatus['pools'] {
  const entries = Object.entries(program.lock.pools);
  return Object.fromEntries(
    entries.map(([name, tokens]) => [name, { held: tokens - (machine.pools.free[name] ?? tokens), tokens }]),
  );
}

function bestOf({ machine, program }: RunFold): BestPoint | null {
  const best = machine.study?.tally.best[0];
  if (best === undefined) return null;
  return { point: best.point, values: pointValues(program, best.point), metrics: best.metrics };
}

function budgetOf({ machine, program, study, active_ms }: RunFold): RunStatus['budget'] {
  const { points, calls, failed_points, wall_time_s } = program.lock.budget;
  const out = [...machine.points.values()].reduce((sum, point) => sum + (point.ended ? 0 : point.calls), 0);
  return {
    points: { used: study.points_started, limit: points },
    calls: { used: (machine.study?.tally.calls ?? 0) + out, limit: calls },
    failed_points: { used: study.counts.failed, limit: failed_points },
    wall_time_s: { used: active_ms / 1000, limit: wall_time_s },
  };
}
