import type { ListedRun } from '../../provenance/list.ts';
import { cut, renderColumns } from '../columns.ts';
import { shownTime } from '../format.ts';
import { safeText } from '../safe-text.ts';
import type { Style } from '../style.ts';
import { markOf } from './status-view.ts';

const LONGEST_REMARK = 60;

/** Runs, newest last, a line each. */
export function listLines(runs: readonly ListedRun[], style: Style): string[] {
  const columns = [
    { title: ' ' },
    { title: 'run' },
    { title: 'plan' },
    { title: 'state' },
    { title: 'points', right: true },
    { title: 'began' },
    { title: '' },
  ];
  const rows = runs.map((run) => [
    markOf(run, style),
    safeText(run.run),
    safeText(run.plan),
    run.state,
    `${run.points.done}/${run.points.planned ?? '?'}`,
    shownTime(run.created_ms),
    cut(remarkOf(run), LONGEST_REMARK),
  ]);
  return renderColumns(columns, rows);
}

function remarkOf({ waits_for, reason, points, state }: ListedRun): string {
  if (waits_for !== null) {
    const { gate, role, decision_posted } = waits_for;
    return safeText(decision_posted ? `gate ${gate} is decided: resume it` : `gate ${gate}: a decision by ${role}`);
  }
  const failed = points.failed > 0 ? ` (${points.failed} failed)` : '';
  if (state === 'interrupted' || state === 'paused') return `expctl resume${failed}`;
  return safeText(`${reason ?? ''}${failed}`.trim());
}
