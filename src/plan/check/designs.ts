import { canonicalJson } from '../../ir/canonical.ts';
import { sha256Hex, utf8 } from '../../base/sha256.ts';
import type { JsonObject } from '../../base/json.ts';
import type { Result } from '../../base/result.ts';
import {
  type DesignVariable,
  drawDesign,
  type Drawn,
  extendDesign,
  type Generator,
  type PointValues,
  type Quality,
} from '../../design/draw.ts';
import type { Plan, PlanPhase } from '../../ir/plan.ts';
import { visitsOf } from '../forecast.ts';
import type { CheckContext } from './context.ts';
import type { Path } from './reporter.ts';
import { actionOf } from './study.ts';
import { readTable } from './tables.ts';

type Design = NonNullable<PlanPhase['design']>;

/** A design table as it was drawn: its bytes, and what the lock says of it. */
export interface DrawnTable {
  readonly id: string;
  readonly text: string;
  readonly sha256: string;
  readonly rows: number;
  readonly generator: JsonObject;
  readonly quality: Quality;
}

/** All tables, in the order in which points are numbered, and which phase or rule takes which. */
export interface DrawnStudy {
  readonly tables: readonly DrawnTable[];
  /** By index of the phase. */
  readonly ofPhase: ReadonlyMap<number, readonly string[]>;
  /** By `phase.rule`, such as `judge.1`. */
  readonly ofRule: ReadonlyMap<string, readonly string[]>;
}

const MOST_POINTS = 1_000_000;
const MOST_TABLES = 1000;
/** Points that are looked at to place new ones beside them, over all extensions. */
const MOST_REVISITS = 20_000_000;

/**
 * Draws everything that the study can evaluate: designs and their extensions in the order of the study, then what rules may
 * add, one table for each time. Extensions of a design are one sequence: each takes all earlier points into account.
 */
export function drawStudy(
  context: CheckContext,
  variables: readonly DesignVariable[],
  accept: ((point: PointValues) => boolean) | undefined,
): DrawnStudy {
  const drawer = new Drawer(context, variables, accept);
  const { plan } = context;
  const ofPhase = new Map<number, string[]>();
  const ofRule = new Map<string, string[]>();
  for (const [at, { phase, design }] of plan.study.entries()) {
    if (design === undefined) continue;
    const path = ['study', at, 'design'];
    if (design.extend === undefined) {
      ofPhase.set(at, drawer.base(phase, design, path));
    } else {
      const visits = visitsOf(plan, at);
      const ids = Array.from({ length: visits }, (_, visit) => (visit === 0 ? phase : `${phase}#${visit + 1}`));
      ofPhase.set(at, drawer.extensions(design.extend, design.points!, ids, path));
    }
  }
  for (const [at, { phase, decide }] of plan.study.entries()) {
    for (const [index, rule] of (decide ?? []).entries()) {
      const action = actionOf(rule);
      if (action?.do !== 'extend') continue;
      const id = `${phase}.${index + 1}`;
      const ids = Array.from({ length: rule.at_most! }, (_, time) => `${id}#${time + 1}`);
      const path = ['study', at, 'decide', index];
      ofRule.set(id, drawer.extensions(action.phase, action.points, ids, path));
    }
  }
  return { tables: drawer.tables, ofPhase, ofRule };
}

/** The most points that the study can evaluate, where it can be told without drawing; a factorial or a table counts as 0. */
export function plannedPoints(plan: Plan): { readonly points: number; readonly tables: number } {
  let points = 0;
  let tables = 0;
  for (const [at, { design, decide }] of plan.study.entries()) {
    if (design !== undefined) {
      const times = design.extend === undefined ? 1 : visitsOf(plan, at);
      tables += times;
      points += times * (design.latin_hypercube?.points ?? design.sobol?.points ?? design.points ?? 0);
    }
    for (const rule of decide ?? []) {
      const action = actionOf(rule);
      if (action?.do !== 'extend') continue;
      tables += rule.at_most ?? 0;
      points += (rule.at_most ?? 0) * action.points;
    }
  }
  return { points, tables };
}

/** Refuses what would take too long to draw, before it is drawn. */
export function checkDrawable({ plan, report }: CheckContext): void {
  const { points, tables } = plannedPoints(plan);
  if (points > MOST_POINTS) {
    const message = `The study can evaluate ${points} points; at most ${MOST_POINTS} are drawn.`;
    report.error('TOO_MANY_POINTS', ['study'], message, 'Lower `points` or `at_most`.');
  } else if (tables > MOST_TABLES) {
    const message = `The study can need ${tables} design tables; at most ${MOST_TABLES} are drawn.`;
    report.error('TOO_MANY_POINTS', ['study'], message, 'Lower `at_most`.');
  } else if ((tables - 1) * points > MOST_REVISITS) {
    const message = `The study extends designs ${tables - 1} times, ${points} points in all: too much to draw.`;
    report.error('TOO_MANY_POINTS', ['study'], message, 'Lower `at_most`, and add more points at a time.');
  }
}

class Drawer {
  readonly tables: DrawnTable[] = [];
  readonly #context: CheckContext;
  readonly #variables: readonly DesignVariable[];
  readonly #options: { accept?: (point: PointValues) => boolean };
  readonly #bases = new Map<string, { generator: Generator; points: PointValues[]; occurrence: number }>();

  constructor(
    context: CheckContext,
    variables: readonly DesignVariable[],
    accept: ((point: PointValues) => boolean) | undefined,
  ) {
    this.#context = context;
    this.#variables = variables;
    this.#options = accept === undefined ? {} : { accept };
  }

  base(phase: string, design: Design, path: Path): string[] {
    const made = this.#generator(design, path);
    if (made === null) return [];
    const { generator, shown } = made;
    const drawn = this.#accepted(drawDesign(generator, this.#variables, this.#options), path);
    if (drawn === null) return [];
    this.#bases.set(phase, { generator, points: [...drawn.points], occurrence: 0 });
    return [this.#keep(phase, shown, drawn)];
  }

  extensions(of: string, points: number, ids: readonly string[], path: Path): string[] {
    const base = this.#bases.get(of);
    if (base === undefined) return [];
    const kept: string[] = [];
    for (const id of ids) {
      base.occurrence += 1;
      const { generator, occurrence } = base;
      const extended = extendDesign(generator, base.points, points, occurrence, this.#variables, this.#options);
      const drawn = this.#accepted(extended, path);
      if (drawn === null) return kept;
      for (const point of drawn.points) base.points.push(point);
      kept.push(this.#keep(id, { kind: 'extend', of, points, occurrence }, drawn));
    }
    return kept;
  }

  #accepted(result: Result<Drawn>, path: Path): Drawn | null {
    if (result.ok) return result.value;
    this.#context.report.error('DESIGN', path, result.error.message, result.error.hint);
    return null;
  }

  #keep(id: string, generator: JsonObject, { points, quality }: Drawn): string {
    const columns = this.#variables.map(({ name }) => name);
    const rows = points.map((point) => columns.map((name) => point[name]!));
    const text = canonicalJson({ columns, rows });
    this.tables.push({ id, text, sha256: sha256Hex(utf8(text)), rows: rows.length, generator, quality });
    return id;
  }

  #generator(design: Design, path: Path): { generator: Generator; shown: JsonObject } | null {
    const { latin_hypercube: lhs, sobol, full_factorial, table } = design;
    if (lhs !== undefined) {
      const { points, seed, optimize = 'none' } = lhs;
      return same({ kind: 'latin_hypercube', points, seed, optimize });
    }
    if (sobol !== undefined) {
      const { points, seed = 0, scramble = true, skip = 0 } = sobol;
      return same({ kind: 'sobol', points, seed, scramble, skip });
    }
    if (full_factorial !== undefined) {
      return same({ kind: 'full_factorial', levels: this.#levels(full_factorial.levels) });
    }
    if (table === undefined) return null;
    const read = readTable(table.file, [...path, 'table', 'file'], this.#variables, this.#context);
    if (read === null) return null;
    return {
      generator: { kind: 'table', rows: read.rows },
      shown: { kind: 'table', file: table.file, sha256: read.sha256 },
    };
  }

  #levels(levels: number | Readonly<Record<string, number>>): Record<string, number> {
    if (typeof levels !== 'number') return { ...levels };
    const ranged = this.#variables.filter(({ kind }) => kind === 'real' || kind === 'integer');
    return Object.fromEntries(ranged.map(({ name }) => [name, levels]));
  }
}

function same(generator: Generator & JsonObject): { generator: Generator; shown: JsonObject } {
  return { generator, shown: generator };
}
