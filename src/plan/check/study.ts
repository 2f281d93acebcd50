import { closest } from '../../ir/expression/suggest.ts';
import {
  type DecideRule as DecideRuleSchema,
  NotYet,
  Phase as PhaseSchema,
  type Plan,
  type PlanPhase,
} from '../../ir/plan.ts';
import type * as z from 'zod';
import { type CheckContext, suggestion } from './context.ts';
import type { Path } from './reporter.ts';
import { oneOf } from './schema-issues.ts';
import { innerSchema, memberSchema } from './schema-walk.ts';

type DecideRule = z.infer<typeof DecideRuleSchema>;

/** What a decide rule does, as authored. */
export type Action =
  | { readonly do: 'stop' | 'next' }
  | { readonly do: 'goto'; readonly phase: string }
  | { readonly do: 'extend'; readonly phase: string; readonly points: number };

export const GENERATORS = ['latin_hypercube', 'sobol', 'full_factorial', 'table', 'extend'] as const;

/** Reads `stop`, `next`, `goto(phase)` and `extend(phase, points)`. */
export function parseAction(text: string): Action | null {
  if (text === 'stop' || text === 'next') return { do: text };
  const goto = /^goto\(\s*([A-Za-z]\w*)\s*\)$/.exec(text);
  if (goto !== null) return { do: 'goto', phase: goto[1]! };
  const extend = /^extend\(\s*([A-Za-z]\w*)\s*,\s*([1-9][0-9]{0,6})\s*\)$/.exec(text);
  return extend === null ? null : { do: 'extend', phase: extend[1]!, points: Number(extend[2]) };
}

/** What a rule does; null where it says nothing that can be read. */
export function actionOf(rule: DecideRule): Action | null {
  const text = rule.then ?? rule.else;
  return text === undefined ? null : parseAction(text);
}

/** The study: what a phase is, what may follow what, and that every loop ends. */
export function checkStudy(context: CheckContext): void {
  const { plan, report } = context;
  for (const [at, phase] of plan.study.entries()) {
    const path = ['study', at];
    const first = plan.study.findIndex((other) => other.phase === phase.phase);
    if (first < at) {
      report.error('STUDY', [...path, 'phase'], `Two phases are called \`${phase.phase}\`.`, 'Rename one.');
    }
    checkKind(phase, path, context);
    if (phase.design !== undefined) checkDesign(phase.design, path, at, context);
    if (phase.gate !== undefined) checkGate(phase.gate, [...path, 'gate'], context);
    if (phase.decide !== undefined) checkDecide(phase.decide, [...path, 'decide'], at, context);
  }
  const isPossible = plan.study.some((phase) => phase.design !== undefined || notYetWords(phase).length > 0);
  if (!isPossible)
    report.error('NO_POINTS', ['study'], 'The study evaluates no point.', 'Add a phase with a `design`.');
}

function checkKind(phase: PlanPhase, path: Path, { report }: CheckContext): void {
  const kinds = (['design', 'gate', 'decide'] as const).filter((kind) => phase[kind] !== undefined);
  if (kinds.length === 1 || notYetWords(phase).length > 0) return;
  const message = `The phase \`${phase.phase}\` is ${kinds.length === 0 ? 'empty' : `${kinds.join(' and ')} at once`}.`;
  report.error('STUDY', path, message, 'A phase is exactly one of design, gate and decide.');
}

function notYetWords(value: object): string[] {
  const schema = 'phase' in value ? PhaseSchema : memberSchema(PhaseSchema, 'design')!;
  return Object.keys(value).filter((key) => {
    const member = memberSchema(schema, key);
    return member !== undefined && innerSchema(member) === innerSchema(NotYet);
  });
}

function checkDesign(
  design: NonNullable<PlanPhase['design']>,
  phasePath: Path,
  at: number,
  context: CheckContext,
): void {
  const { plan, report } = context;
  const path = [...phasePath, 'design'];
  const chosen = GENERATORS.filter((name) => design[name] !== undefined);
  if (chosen.length !== 1 && notYetWords(design).length === 0) {
    const message =
      chosen.length === 0 ? 'This design has no generator.' : `This design is ${chosen.join(' and ')} at once.`;
    report.error('STUDY', path, message, `Write exactly one of ${oneOf(GENERATORS)}.`);
  }
  if (design.points !== undefined && design.extend === undefined && chosen.length <= 1) {
    report.error(
      'STUDY',
      [...path, 'points'],
      '`points` beside a generator says nothing.',
      `Write it inside \`${chosen[0] ?? 'extend'}\`.`,
    );
  }
  if (design.extend === undefined) return;
  if (design.points === undefined) {
    report.error('STUDY', path, 'It does not say how many points are added.', 'Add `points`, such as `points: 8`.');
  }
  checkExtended(design.extend, [...path, 'extend'], plan, at, context);
}

/** The phase that is extended is an earlier design with a generator that can go on. */
function checkExtended(name: string, path: Path, plan: Plan, at: number, { report }: CheckContext): void {
  const target = plan.study.findIndex((phase) => phase.phase === name);
  const design = plan.study[target]?.design;
  if (design === undefined) {
    const known = plan.study.filter(({ design }) => canBeExtended(design)).map(({ phase }) => phase);
    const message = target === -1 ? `There is no phase \`${name}\`.` : `The phase \`${name}\` is no design.`;
    report.error('STUDY', path, message, suggestion(closest(name, known), 'design phase', known));
  } else if (target >= at) {
    report.error('STUDY', path, `The phase \`${name}\` does not come before this one.`, 'Extend an earlier design.');
  } else if (design.extend !== undefined) {
    report.error(
      'STUDY',
      path,
      `\`${name}\` is itself an extension.`,
      `Extend \`${design.extend}\`, which it belongs to.`,
    );
  } else if (!canBeExtended(design)) {
    const fix = 'Only a latin_hypercube or a sobol design can go on; add a phase of its own.';
    report.error('STUDY', path, `The design \`${name}\` has no points beyond its own.`, fix);
  }
}

function canBeExtended(design: PlanPhase['design']): boolean {
  return design?.latin_hypercube !== undefined || design?.sobol !== undefined;
}

function checkGate(gate: NonNullable<PlanPhase['gate']>, path: Path, { report }: CheckContext): void {
  if (gate.timeout !== undefined && gate.on_timeout === undefined) {
    const message = 'This gate has a time-out, but does not say what it means.';
    report.error('STUDY', [...path, 'timeout'], message, 'Add `on_timeout: stop`: a time-out never means yes.');
  }
  if (gate.on_timeout !== undefined && gate.timeout === undefined) {
    report.error(
      'STUDY',
      [...path, 'on_timeout'],
      'This gate waits without end.',
      'Add `timeout`, or remove `on_timeout`.',
    );
  }
  for (const [at, outcome] of gate.outcomes.entries()) {
    if (gate.outcomes.indexOf(outcome) === at) continue;
    report.error('STUDY', [...path, 'outcomes', at], `The outcome \`${outcome}\` is there twice.`, 'Remove one.');
  }
  for (const [at, shown] of (gate.evidence ?? []).entries()) {
    if (shown === 'metrics' || /^best\(([1-9][0-9]{0,2})\)$/.test(shown)) continue;
    report.error('STUDY', [...path, 'evidence', at], `\`${shown}\` cannot be shown.`, 'Write `metrics` or `best(5)`.');
  }
}

function checkDecide(rules: readonly DecideRule[], path: Path, at: number, context: CheckContext): void {
  const { report } = context;
  for (const [index, rule] of rules.entries()) {
    const here = [...path, index];
    const isElse = rule.else !== undefined;
    if (isElse ? rule.if !== undefined || rule.then !== undefined : rule.if === undefined || rule.then === undefined) {
      report.error(
        'STUDY',
        here,
        'This rule is neither if and then nor else.',
        'Write `if` and `then`, or `else` alone.',
      );
    }
    if (isElse && index < rules.length - 1) {
      report.error('STUDY', here, 'The rules after this `else` are never reached.', 'Move it to the end.');
    }
    checkAction(rule, here, at, context);
  }
}

function checkAction(rule: DecideRule, path: Path, at: number, context: CheckContext): void {
  const { plan, report } = context;
  const word = rule.then === undefined ? 'else' : 'then';
  const text = rule[word];
  if (text === undefined) return;
  const here = [...path, word];
  const action = parseAction(text);
  if (action === null) {
    const near = closest(text.replace(/\(.*$/, ''), ['stop', 'next', 'goto', 'extend']);
    const fix = 'An action is `stop`, `next`, `goto(phase)` or `extend(phase, points)`.';
    report.error(
      'STUDY',
      here,
      `\`${text}\` is no action.`,
      near === undefined ? fix : `Did you mean \`${near}\`? ${fix}`,
    );
    return;
  }
  if (action.do === 'extend') checkExtended(action.phase, here, plan, at, context);
  if (action.do === 'goto') checkGoto(action.phase, here, context);
  if ((action.do === 'extend' || action.do === 'goto') && rule.at_most === undefined) {
    report.error('STUDY', path, `\`${text}\` could go on for ever.`, 'Add `at_most`: every loop has an end.');
  }
}

function checkGoto(name: string, path: Path, { plan, report }: CheckContext): void {
  const target = plan.study.find((phase) => phase.phase === name);
  const known = plan.study
    .filter(({ design }) => design === undefined || design.extend !== undefined)
    .map(({ phase }) => phase);
  if (target === undefined) {
    report.error(
      'STUDY',
      path,
      `There is no phase \`${name}\`.`,
      suggestion(closest(name, known), 'phase to go to', known),
    );
  } else if (target.design !== undefined && target.design.extend === undefined) {
    const fix = `Its points exist already; use \`extend(${name}, 8)\`.`;
    report.error('STUDY', path, `\`goto(${name})\` would evaluate nothing: \`${name}\` is a design.`, fix);
  }
}
