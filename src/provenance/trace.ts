import type { JsonObject } from '../base/json.ts';
import type { JournalRow, PointResult } from '../ir/events.ts';
import type { Lock, LockedTable } from '../ir/lock.ts';
import type { Program } from '../kernel/program.ts';
import { type ApprovalView, approvalsOf, gateComment } from './approvals.ts';
import { type EffectView, type PointHistory, pointHistory } from './effects.ts';
import { effectsOfAnswer, type MetricSources, metricSources } from './lineage.ts';
import type { ObjectReader, RowReader, RunFacts } from './ports.ts';
import { plannedPoints } from './state.ts';
import { type GateView, StudyFold } from './study.ts';

export interface TraceInput {
  readonly run: RunFacts;
  readonly program: Program;
  readonly reader: RowReader;
  readonly objects: ObjectReader;
}

/** What everything in a run goes back to. */
export interface RunOrigin {
  readonly run: string;
  readonly plan: string;
  readonly lock_sha256: string;
  readonly request_sha256: string;
  readonly approvals: readonly ApprovalView[];
  /** Host, versions and commit of the process that began it. */
  readonly host: JsonObject;
}

export interface RunTrace extends RunOrigin {
  readonly kind: 'run';
  readonly goal: string;
  readonly started_ms: number;
  readonly ended: { readonly status: string; readonly reason: string; readonly wall_ms: number } | null;
  readonly points: {
    readonly planned: number;
    readonly done: number;
    readonly succeeded: number;
    readonly failed: number;
  };
  readonly gates: readonly (GateView & { readonly comment: string | null })[];
  readonly decisions: StudyFold['decisions'];
  readonly tools: readonly {
    readonly name: string;
    readonly pin: string;
    readonly version: string | null;
    readonly probe: JsonObject | null;
    readonly program: readonly { readonly file: string; readonly sha256: string }[];
  }[];
  readonly tables: readonly Pick<LockedTable, 'id' | 'sha256' | 'rows' | 'first_point' | 'generator'>[];
  readonly study_head: { readonly seq: number; readonly hash: string } | null;
}

export interface PointTrace extends RunOrigin, PointHistory {
  readonly kind: 'point';
  readonly phase: string;
  readonly table: Pick<LockedTable, 'id' | 'sha256' | 'generator'> & { readonly row: number };
}

/** One number, and what it was made of, nearest first. */
export interface ValueTrace extends RunOrigin {
  readonly kind: 'value';
  readonly point: PointTrace;
  readonly sources: MetricSources;
  readonly value: number | null;
  readonly lineage: readonly EffectView[];
}

/** A metric over all points, and where each value came from. */
export interface MetricTrace extends RunOrigin {
  readonly kind: 'metric';
  readonly sources: MetricSources;
  readonly points: readonly {
    readonly point: number;
    readonly phase: string;
    readonly status: PointResult['status'] | 'running';
    readonly value: number | null;
    readonly feasible: boolean | null;
    /** The effect that gave the answer which the metric reads first. */
    readonly from: EffectView | null;
  }[];
}

export async function traceRun(input: TraceInput): Promise<RunTrace> {
  return traceStudy(input, await studyOf(input.reader, input.run.run));
}

/** The same of a study that was read already. */
export async function traceStudy(input: Omit<TraceInput, 'reader'>, study: StudyFold): Promise<RunTrace> {
  const { program, objects, run } = input;
  const { lock } = program;
  const gates = await Promise.all(
    study.gates.map(async (gate) => ({ ...gate, comment: await gateComment(gate, objects) })),
  );
  const { succeeded, failed } = study.counts;
  const { finished, last } = study;
  return {
    kind: 'run',
    ...(await originOf(input, study)),
    goal: lock.goal,
    started_ms: study.started?.at.wall_ms ?? run.created_ms,
    ended:
      finished === null ? null : { status: finished.status, reason: finished.reason, wall_ms: finished.at.wall_ms },
    points: { planned: plannedPoints(lock, study), done: study.done, succeeded, failed },
    gates,
    decisions: study.decisions,
    tools: lock.tools.map(({ name, pin, pinned }) => ({
      name,
      pin,
      version: pinned.server === null ? null : `${pinned.server.name} ${pinned.server.version}`,
      probe: (pinned.probe?.answer as JsonObject | undefined) ?? null,
      program: pinned.program,
    })),
    tables: lock.tables.map(({ id, sha256, rows, first_point, generator }) => ({
      id,
      sha256,
      rows,
      first_point,
      generator,
    })),
    study_head: last === null ? null : { seq: last.seq, hash: last.hash },
  };
}

/** null: the lock has no such point. Reads the point's own stream, and the first row of the study's. */
export async function tracePoint(input: TraceInput, point: number): Promise<PointTrace | null> {
  const { program, reader, run } = input;
  const table = tableOf(program.lock, point);
  if (table === undefined) return null;
  const study = new StudyFold();
  for await (const row of reader.read(run.run, { stream: 'study', limit: 1 })) study.takeRow(row);
  const history = await pointHistory(point, reader.read(run.run, { stream: `point/${point}` }), program.lock);
  const { id, sha256, generator, first_point } = table;
  return {
    kind: 'point',
    ...(await originOf(input, study)),
    ...history,
    phase: phaseOfTable(program.lock, id),
    table: { id, sha256, generator, row: point - first_point },
  };
}

export async function traceValue(input: TraceInput, metric: string, point: number): Promise<ValueTrace | null> {
  const sources = metricSources(input.program, metric);
  const traced = sources === undefined ? null : await tracePoint(input, point);
  if (sources === undefined || traced === null) return null;
  const lineage = sources.steps.flatMap((step) => effectsOfAnswer(traced.effects, step));
  const { run, plan, lock_sha256, request_sha256, approvals, host } = traced;
  const origin = { run, plan, lock_sha256, request_sha256, approvals, host };
  return { kind: 'value', ...origin, point: traced, sources, value: traced.result?.metrics[metric] ?? null, lineage };
}

export async function traceMetric(input: TraceInput, metric: string): Promise<MetricTrace | null> {
  const sources = metricSources(input.program, metric);
  if (sources === undefined) return null;
  const study = await studyOf(input.reader, input.run.run);
  const points: MetricTrace['points'][number][] = [];
  for (const { point, phase, result } of [...study.points.values()].sort((a, b) => a.point - b.point)) {
    const rows = input.reader.read(input.run.run, { stream: `point/${point}` });
    const { effects } = await pointHistory(point, rows, input.program.lock);
    const [nearest] = sources.steps;
    const from = nearest === undefined ? null : (effectsOfAnswer(effects, nearest)[0] ?? null);
    const value = result?.metrics[metric] ?? null;
    points.push({ point, phase, status: result?.status ?? 'running', value, feasible: result?.feasible ?? null, from });
  }
  return { kind: 'metric', ...(await originOf(input, study)), sources, points };
}

async function originOf({ run, objects }: Pick<TraceInput, 'run' | 'objects'>, study: StudyFold): Promise<RunOrigin> {
  const { verdict: _, ...host } = study.started?.observed ?? {};
  const { lock_sha256, request_sha256 } = run;
  const approvals = await approvalsOf(study, objects);
  return { run: run.run, plan: run.name, lock_sha256, request_sha256, approvals, host };
}

async function studyOf(reader: RowReader, run: string): Promise<StudyFold> {
  const study = new StudyFold();
  const rows: AsyncIterable<JournalRow> = reader.read(run, { stream: 'study' });
  for await (const row of rows) study.takeRow(row);
  return study;
}

function tableOf(lock: Lock, point: number): LockedTable | undefined {
  return lock.tables.find(({ first_point, rows }) => point >= first_point && point < first_point + rows);
}

/** The phase that evaluates a table: the one of its design, or the one whose rule asks for it. */
function phaseOfTable(lock: Lock, id: string): string {
  const phase = lock.study.find(
    ({ design, decide }) =>
      design?.tables.includes(id) === true ||
      decide?.some(({ action }) => action.do === 'extend' && action.tables.includes(id)) === true,
  );
  return phase?.phase ?? id;
}
