import type { Lock, LockedAction, LockedPhase } from '../../../ir/lock.ts';
import { plural, shownNumber } from '../../format.ts';
import type { ReviewLine, ReviewRow, ReviewSection } from '../model.ts';
import { exact, fact, line, orNone, prose, row, seconds } from '../rows.ts';
import { writerOf } from '../writers.ts';
import { described, expressionRows } from './variables.ts';

export function studySections(lock: Lock): ReviewSection[] {
  const section = (title: string, rows: readonly ReviewRow[], none = 'none'): ReviewSection => {
    return { pane: 'study', title, heading: null, rows: orNone(rows, none) };
  };
  return [
    section(
      'Metrics',
      lock.metrics.map((metric) => metricRow(lock, metric)),
    ),
    section(
      'Objectives',
      lock.objectives.map(({ metric, sense }) => row(`${sense} ${metric}`)),
    ),
    section('Outcome constraints', expressionRows(lock.outcome_constraints)),
    section(
      'Phases, in order',
      lock.study.map((phase, at) => phaseRow(lock, phase, at)),
    ),
    section('Pools', poolRows(lock), 'none: nothing is limited by a pool'),
    section('Budget: a run that hits a limit fails', budgetRows(lock)),
  ];
}

function metricRow(lock: Lock, { name, value, unit, plausible, description }: Lock['metrics'][number]): ReviewRow {
  const range = plausible === null ? 'any value' : `${exact(plausible[0])} to ${exact(plausible[1])}`;
  const text = `${name}: ${value}, unit ${unit}, plausible ${range}`;
  return row(text, described(lock, ['metrics', name], description), { open: true });
}

function phaseRow(lock: Lock, { phase, design, gate, decide }: LockedPhase, at: number): ReviewRow {
  const name = `${at + 1}. ${phase}`;
  if (design !== null) return row(`${name}: design, evaluates ${design.tables.join(', then ')}`);
  if (gate !== null) return row(`${name}: gate, waits for a person`, gateLines(lock, gate, at), { open: true });
  if (decide !== null)
    return row(`${name}: decide, by the first rule that holds`, ruleLines(lock, decide, at), { open: true });
  return row(`${name}: nothing`);
}

function gateLines(lock: Lock, gate: NonNullable<LockedPhase['gate']>, at: number): ReviewLine[] {
  const asked = writerOf(lock, `/study/${at}/gate/ask`);
  const timeout = gate.timeout_s === null ? 'waits without limit' : `stop after ${seconds(gate.timeout_s)}`;
  return [
    line(`role     ${gate.role}`),
    ...prose('ask     ', gate.ask, asked),
    line(`evidence ${gate.evidence.join(', ')}`),
    line(`outcomes ${gate.outcomes.join(', ')}`),
    line(`time-out ${timeout}`),
  ];
}

function ruleLines(lock: Lock, rules: NonNullable<LockedPhase['decide']>, at: number): ReviewLine[] {
  return rules.flatMap(({ if: condition, action, at_most, because }, index) => {
    const often = at_most === null ? '' : `, at most ${plural(at_most, 'time')}`;
    const head = line(`${condition === null ? 'else' : `if ${condition}`}: ${actionText(action)}${often}`);
    if (because === '') return [head];
    const writer = writerOf(lock, `/study/${at}/decide/${index}/because`);
    return [head, ...prose('  because', because, writer)];
  });
}

function actionText(action: LockedAction): string {
  switch (action.do) {
    case 'stop':
      return 'stop';
    case 'next':
      return 'go to the next phase';
    case 'goto':
      return `go to ${action.phase}`;
    case 'extend':
      return `extend ${action.phase} by ${plural(action.points, 'point')} (${action.tables.join(', ')})`;
  }
}

function poolRows(lock: Lock): ReviewRow[] {
  return Object.entries(lock.pools).map(([name, tokens]) => {
    const hours = Object.hasOwn(lock.forecast.pool_hours, name) ? lock.forecast.pool_hours[name]! : 0;
    return fact(name, `${exact(tokens)} at once, at most ${shownNumber(hours)} token-hours by the time-outs`);
  });
}

function budgetRows({ budget }: Lock): ReviewRow[] {
  const { points, calls, wall_time_s, failed_points } = budget;
  return [
    fact('points', exact(points)),
    fact('calls', exact(calls)),
    fact('wall time', wall_time_s === null ? 'no limit' : seconds(wall_time_s)),
    fact('failed points', failed_points === null ? 'no limit' : `the run stops when more than ${failed_points} fail`),
  ];
}
