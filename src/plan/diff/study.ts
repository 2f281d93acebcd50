import { canonicalJson } from '../../ir/canonical.ts';
import type { DesignTable, Lock, LockedAction, LockedPhase, LockedTable } from '../../ir/lock.ts';
import {
  digestChange,
  type Effect,
  leafChanges,
  type LockChange,
  namedChanges,
  numberChange,
  orderChange,
  secondsText,
  setChanges,
  textChange,
} from './change.ts';

/** Phases by name, and their order. */
export function studyChanges(before: Lock, after: Lock): LockChange[] {
  const of = (lock: Lock): Map<string, LockedPhase> => new Map(lock.study.map((phase) => [phase.phase, phase]));
  const names = (lock: Lock): string[] => lock.study.map(({ phase }) => phase);
  return [
    ...namedChanges('study', of(before), of(after), phaseText, phaseChanges),
    ...orderChange('study', 'order', names(before), names(after)),
  ];
}

function phaseText({ design, gate, decide }: LockedPhase): string {
  if (design !== null) return `design ${design.tables.join(', ')}`;
  if (gate !== null) return `gate ${gateText(gate)}`;
  return `decide: ${(decide ?? []).map(ruleText).join('; ')}`;
}

function phaseChanges(name: string, old: LockedPhase, now: LockedPhase): LockChange[] {
  return [
    ...textChange('study', `${name}.design`, tablesText(old), tablesText(now)),
    ...gateChanges(`${name}.gate`, old.gate, now.gate),
    ...decideChanges(`${name}.decide`, old.decide ?? [], now.decide ?? []),
  ];
}

function tablesText({ design }: LockedPhase): string | null {
  return design === null ? null : design.tables.join(', ');
}

function gateChanges(path: string, old: LockedPhase['gate'], now: LockedPhase['gate']): LockChange[] {
  if (old === null || now === null) return textChange('study', path, gateText(old), gateText(now));
  return [
    ...textChange('study', `${path}.role`, old.role, now.role),
    ...textChange('study', `${path}.ask`, old.ask, now.ask),
    ...setChanges('study', `${path}.evidence`, old.evidence, now.evidence, { added: 'more', removed: 'fewer' }),
    ...setChanges('study', `${path}.outcomes`, old.outcomes, now.outcomes, { added: 'widened', removed: 'narrowed' }),
    ...numberChange('study', `${path}.timeout`, old.timeout_s, now.timeout_s, secondsText),
  ];
}

function gateText(gate: LockedPhase['gate']): string | null {
  return gate === null ? null : `for ${gate.role}: ${gate.ask}`;
}

type Rule = NonNullable<LockedPhase['decide']>[number];

/** Rules by their condition; a second one with the same condition is `… (2)`. The order matters: the first that holds is taken. */
function decideChanges(path: string, before: readonly Rule[], after: readonly Rule[]): LockChange[] {
  const [old, now] = [rulesByCondition(path, before), rulesByCondition(path, after)];
  return [
    ...namedChanges('study', old, now, ruleText, (name, was, is) => [
      ...textChange('study', `${name}.then`, actionText(was.action), actionText(is.action)),
      ...textChange('study', `${name}.tables`, tablesOf(was.action), tablesOf(is.action)),
      ...numberChange('study', `${name}.at_most`, was.at_most, is.at_most),
      ...textChange('study', `${name}.because`, was.because, is.because),
    ]),
    ...orderChange('study', `${path}.order`, [...old.keys()], [...now.keys()]),
  ];
}

function rulesByCondition(path: string, rules: readonly Rule[]): Map<string, Rule> {
  const named = new Map<string, Rule>();
  for (const rule of rules) {
    const condition = rule.if === null ? `${path} else` : `${path} if ${rule.if}`;
    let name = condition;
    for (let nth = 2; named.has(name); nth++) name = `${condition} (${nth})`;
    named.set(name, rule);
  }
  return named;
}

function ruleText({ if: condition, action, at_most }: Rule): string {
  const often = at_most === null ? '' : `, at most ${at_most} times`;
  return `${condition === null ? 'else' : `if ${condition} then`} ${actionText(action)}${often}`;
}

function actionText(action: LockedAction): string {
  switch (action.do) {
    case 'extend':
      return `extend(${action.phase}, ${action.points})`;
    case 'goto':
      return `goto(${action.phase})`;
    default:
      return action.do;
  }
}

function tablesOf(action: LockedAction): string | null {
  return action.do === 'extend' ? action.tables.join(', ') : null;
}

/** Design tables of both locks by id, where the caller has them: then points are compared by value. */
export interface TablesOfBoth {
  readonly before: ReadonlyMap<string, DesignTable>;
  readonly after: ReadonlyMap<string, DesignTable>;
}

/** Tables by id: how they are made, how many points, and which points they share. */
export function tableChanges(before: Lock, after: Lock, tables: TablesOfBoth | undefined): LockChange[] {
  const of = (lock: Lock): Map<string, LockedTable> => new Map(lock.tables.map((table) => [table.id, table]));
  return namedChanges('designs', of(before), of(after), tableText, (name, old, now) => {
    const [was, is] = [tables?.before.get(name), tables?.after.get(name)];
    const content = digestChange('designs', `${name}.table`, old.sha256, now.sha256);
    return [
      ...leafChanges('designs', `${name}.generator`, old.generator, now.generator),
      ...numberChange('designs', `${name}.points`, old.rows, now.rows),
      ...(was === undefined || is === undefined || content.length === 0 ? content : pointChanges(name, was, is)),
    ];
  });
}

function tableText({ rows, generator }: LockedTable): string {
  return `${rows} points, ${Object.entries(generator)
    .map(([key, value]) => `${key} ${typeof value === 'string' ? value : canonicalJson(value)}`)
    .join(', ')}`;
}

function pointChanges(name: string, before: DesignTable, after: DesignTable): LockChange[] {
  const [old, now] = [pointsOf(before), pointsOf(after)];
  const kept = [...now].filter((point) => old.has(point)).length;
  const [lost, won] = [old.size - kept, now.size - kept];
  const effect: Effect | null = lost === 0 ? 'more' : won === 0 ? 'fewer' : null;
  if (lost === 0 && won === 0) {
    return textChange('designs', `${name}.values`, `${old.size} points`, 'the same points in another order');
  }
  const after_text = `${kept} kept, ${won} added, ${lost} removed`;
  return textChange('designs', `${name}.values`, `${old.size} different points`, after_text, effect);
}

/** Each point as text that does not depend on the order of the columns. */
function pointsOf({ columns, rows }: DesignTable): Set<string> {
  return new Set(rows.map((row) => canonicalJson(Object.fromEntries(columns.map((column, at) => [column, row[at]!])))));
}
