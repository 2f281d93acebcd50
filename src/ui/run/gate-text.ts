import { isJsonObject, type JsonObject } from '../../base/json.ts';
import type { GateOpened } from '../../ir/events.ts';
import type { Lock } from '../../ir/lock.ts';
import { type Column, renderColumns } from '../columns.ts';
import { plural, shownValue } from '../format.ts';
import { nameWithUnit } from '../quantities.ts';
import { safeText } from '../safe-text.ts';

/** What a gate asks, and the evidence on which its decision is signed: counts, and the best points. */
export function gateText({ lock, run, gate }: { lock: Lock; run: string; gate: GateOpened }): string {
  const { succeeded, failed, cancelled, feasible, best } = gate.evidence;
  const counts = [
    plural(Number(succeeded), 'point has succeeded', 'points have succeeded'),
    `${Number(failed)} failed`,
    ...(Number(cancelled) > 0 ? [`${Number(cancelled)} cancelled`] : []),
    `${Number(feasible)} keep all constraints`,
  ];
  return [
    `Gate ${gate.gate} of run ${run}, for the role ${gate.role}${gate.occurrence > 1 ? `, ${gate.occurrence}. time` : ''}`,
    '',
    `  ${safeText(gate.ask)}`,
    '',
    `  ${counts.join(', ')}.`,
    ...bestLines(lock, Array.isArray(best) ? best.filter(isJsonObject) : []),
    '',
    `  Outcomes: ${gate.outcomes.join(', ')}`,
    '',
  ].join('\n');
}

function bestLines(lock: Lock, best: readonly JsonObject[]): string[] {
  if (best.length === 0) return ['  No point keeps all constraints yet.'];
  const objective = lock.objectives[0];
  const named = [...lock.variables, ...lock.metrics];
  const columns: Column[] = [
    { title: 'point', right: true },
    ...named.map(({ name, unit }) => ({ title: nameWithUnit(name, unit), right: true })),
  ];
  const rows = best.map((point) => {
    const fields: JsonObject = { ...(point['values'] as JsonObject), ...(point['metrics'] as JsonObject) };
    return [String(point['point']), ...named.map(({ name }) => safeText(shownValue(fields[name] as number | string)))];
  });
  const title = objective === undefined ? 'Best points' : `Best points (${objective.sense} ${objective.metric})`;
  return ['', `  ${title}:`, '', ...renderColumns(columns, rows).map((line) => `  ${line}`)];
}
