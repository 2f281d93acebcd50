import type { Json, JsonObject } from '../../src/base/json.ts';
import { unwrap } from '../../src/base/result.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import type { FailureClass, PointFact, PointRecord, RunEvent, StudyFact, StudyRecord } from '../../src/ir/events.ts';
import type { DesignTable, Lock, LockedCall, LockedPhase, LockedStep } from '../../src/ir/lock.ts';
import { type PointCommand, type PointState, stepPoint } from '../../src/kernel/point.ts';
import { compileProgram, type Program } from '../../src/kernel/program.ts';
import type { RunCommand, Settled } from '../../src/kernel/run.ts';
import { type StudyCommand, type StudyState, stepStudy } from '../../src/kernel/study.ts';

export const ZERO = '0'.repeat(64);
export const STARTED: StudyFact = {
  type: 'run.started',
  semantics: 1,
  lock_sha256: ZERO,
  request_sha256: ZERO,
  approvals: [],
};

export function makeCall(call: string, changes: Partial<LockedCall> = {}): LockedCall {
  return { call, with: {}, timeout_s: 60, expect: [], parse: null, effect: 'by_key', ...changes };
}

export function makeStep(name: string, changes: Partial<LockedStep> = {}): LockedStep {
  return {
    name,
    description: '',
    needs: [],
    when: null,
    uses: {},
    retry: { attempts: 1, backoff_s: 10, on: ['transient', 'node_lost'] },
    call: changes.job === undefined ? makeCall(`t/${name}`) : null,
    job: null,
    ...changes,
  };
}

export const JOB: NonNullable<LockedStep['job']> = {
  submit: makeCall('t/submit', { with: { x: '=x' } }),
  poll: {
    ...makeCall('t/wait', { with: { id: '=submit.id' }, timeout_s: 7200, effect: 'pure' }),
    every_s: 2,
    until: "status in ['done', 'failed']",
    expect: ["status == 'done'"],
  },
  fetch: makeCall('t/fetch', { with: { id: '=submit.id' }, effect: 'pure' }),
};

const NOTHING = { design: null, gate: null, decide: null };

export function designPhase(phase: string, tables: string[] = [phase]): LockedPhase {
  return { ...NOTHING, phase, design: { tables } };
}

export function gatePhase(phase: string, timeout_s: number | null = null): LockedPhase {
  const gate = { role: 'lead', ask: 'Go on?', evidence: ['metrics'], timeout_s };
  return { ...NOTHING, phase, gate: { ...gate, outcomes: ['continue', 'stop'] } };
}

type Rule = NonNullable<LockedPhase['decide']>[number];
export function decidePhase(phase: string, rules: (Partial<Rule> & Pick<Rule, 'action'>)[]): LockedPhase {
  return { ...NOTHING, phase, decide: rules.map((rule) => ({ if: null, at_most: null, because: '', ...rule })) };
}

export interface Made {
  readonly lock: Lock;
  readonly tables: ReadonlyMap<string, DesignTable>;
  readonly program: Program;
}

/** A small lock with one variable `x` and tables of so many rows, in which row n has x = n. */
export function makeLock(changes: Partial<Lock> = {}, rows: Readonly<Record<string, number>> = { explore: 3 }): Made {
  const tables = new Map<string, DesignTable>();
  const locked: Lock['tables'] = [];
  let first_point = 1;
  const quality = { min_distance: null, centered_discrepancy: null, max_abs_correlation: null, latin: false };
  for (const [id, count] of Object.entries(rows)) {
    locked.push({ id, sha256: ZERO, rows: count, first_point, generator: { table: true }, quality });
    tables.set(id, { columns: ['x'], rows: Array.from({ length: count }, (_, row) => [first_point + row]) });
    first_point += count;
  }
  const lock = { ...BASE, tables: locked, ...changes };
  return { lock, tables, program: unwrap(compileProgram(lock, tables)) };
}

const BASE: Lock = {
  expctl_lock: 1,
  semantics: 1,
  name: 'small',
  goal: 'A small lock.',
  assumptions: [],
  questions: [],
  drafted: null,
  environment: { name: 'local', class: 'sandbox', pools: {}, sha256: ZERO },
  constants: [{ name: 'load', value: 100, unit: 'N' }],
  variables: [{ name: 'x', type: 'real', unit: '1', min: 0, max: 100, values: null, scale: 'linear', description: '' }],
  derived: [{ name: 'double', value: '2 * x' }],
  constraints: [],
  pipeline: [makeStep('solve', { call: makeCall('t/solve', { with: { x: '=x', d: '=double' } }) })],
  metrics: [{ name: 'mass', value: '=solve.mass', unit: 'kg', plausible: null, description: '' }],
  objectives: [{ metric: 'mass', sense: 'minimize' }],
  outcome_constraints: ['mass <= 10'],
  study: [designPhase('explore')],
  tables: [],
  pools: {},
  in_flight: 4,
  budget: { points: 10_000, calls: 100_000, wall_time_s: null, failed_points: null },
  tools: [],
  notes: [],
  forecast: { points: 0, calls: 0, calls_per_point: 1, jobs: 0, gates: 0, pool_hours: {} },
};

// --- one point ---------------------------------------------------------------------------------------------------

/** A point's machine by hand; every fact gives its records and commands as lines. */
export class OnePoint {
  readonly program: Program;
  state: PointState | null = null;
  readonly lines: string[] = [];
  records: readonly PointRecord[] = [];
  commands: readonly PointCommand[] = [];

  constructor(program: Program, values: Record<string, number | string> = { x: 1 }) {
    this.program = program;
    this.take({ type: 'point.began', point: 1, values });
  }

  take(fact: PointFact): this {
    const [state, output] = stepPoint(this.program, this.state, fact);
    this.state = state;
    this.records = output.records;
    this.commands = output.commands;
    this.lines.push(...transcript(fact, output));
    return this;
  }

  answer(step: string, answer: Json = { ok: true }, attempt = 1): this {
    const part = this.#part(step);
    return this.take({ type: 'effect.answered', step, part, attempt, outcome: { ok: true, answer, artifacts: [] } });
  }

  fail(step: string, failure: FailureClass, attempt = 1): this {
    const outcome = { ok: false, class: failure, message: 'no' } as const;
    return this.take({ type: 'effect.answered', step, part: this.#part(step), attempt, outcome });
  }

  fire(timer: string): this {
    return this.take({ type: 'point.timer_fired', timer });
  }

  grant(step: string): this {
    return this.take({ type: 'step.granted', step });
  }

  status(step: string): string | undefined {
    return this.state?.steps[step]?.status;
  }

  get text(): string {
    return `${this.lines.join('\n')}\n`;
  }

  #part(name: string) {
    const step = this.program.steps.find((one) => one.name === name)!;
    return step.parts[this.state!.steps[name]!.part]!.part;
  }
}

export class OneStudy {
  readonly program: Program;
  state: StudyState | null = null;
  readonly lines: string[] = [];
  records: readonly StudyRecord[] = [];
  commands: readonly StudyCommand[] = [];

  constructor(program: Program) {
    this.program = program;
    this.take({ ...STARTED, semantics: program.lock.semantics } as StudyFact);
  }

  take(fact: StudyFact): this {
    const [state, output] = stepStudy(this.program, this.state, fact);
    this.state = state;
    this.records = output.records;
    this.commands = output.commands;
    this.lines.push(...transcript(fact, output));
    return this;
  }

  finish(point: number, mass = 1, calls = 1): this {
    const result = { status: 'succeeded', metrics: { mass }, feasible: mass <= 10, failure: null, calls } as const;
    return this.take({ type: 'point.finished', point, result });
  }

  fails(point: number, calls = 1): this {
    const failure = { step: 'solve', class: 'tool_failed', message: 'no' };
    const result = { status: 'failed', metrics: {}, feasible: null, failure, calls } as const;
    return this.take({ type: 'point.finished', point, result });
  }

  decide(gate: string, outcome: string, occurrence = 1): this {
    return this.take({ type: 'gate.decided', gate, occurrence, outcome, statement_sha256: ZERO, by: 'alice' });
  }

  get text(): string {
    return `${this.lines.join('\n')}\n`;
  }
}

interface Output {
  readonly records: readonly RunEvent[];
  readonly commands: readonly object[];
}

function transcript(fact: RunEvent, { records, commands }: Output): string[] {
  return [
    `> ${shown(fact)}`,
    ...records.map((one) => `  + ${shown(one)}`),
    ...commands.map((one) => `  ! ${shown(one)}`),
  ];
}

/** `type key=value …`, the fields that say nothing left out; a command's word is in capital letters. */
export function shown(value: object): string {
  const { type, do: word, ...fields } = value as JsonObject;
  const name = typeof word === 'string' ? word.toUpperCase() : String(type);
  return [name, ...Object.entries(fields).map(([key, one]) => `${key}=${canonicalJson(one)}`)].join(' ');
}

export function settledLines({ events, commands }: Settled): string[] {
  return [
    ...events.map(({ stream, event }) => `  ${stream}: ${shown(event)}`),
    ...commands.map(
      ({ point, command }: RunCommand) => `  ! ${point === null ? 'study' : `point/${point}`}: ${shown(command)}`,
    ),
  ];
}
