import type { Lock } from '../../ir/lock.ts';
import type { RunStatus } from '../../provenance/status.ts';
import { plural, shownDuration } from '../format.ts';
import { metricsText, valuesText } from '../quantities.ts';
import { safeText } from '../safe-text.ts';
import { MARKS, type Style } from '../style.ts';

/** How many points in flight are shown one by one. */
const MOST_SHOWN = 12;

interface StatusOptions {
  readonly lock: Lock;
  readonly style: Style;
  readonly now_ms: number;
}

/** The state of a run, as lines. */
export function statusLines(status: RunStatus, options: StatusOptions): string[] {
  const { style } = options;
  const facts = factsOf(status, options).filter((fact): fact is [string, string] => fact !== null);
  return [
    `${markOf(status, style)} ${style.strong(safeText(status.run))}  ${headline(status, style)}`,
    ...facts.map(([name, text]) => `  ${style.dim(name.padEnd(9))} ${text}`),
    ...inFlightLines(status, options),
    ...waitLines(status, style),
    ...brokenLines(status, style),
  ];
}

export function markOf({ state }: Pick<RunStatus, 'state'>, style: Style): string {
  if (state === 'completed' || state === 'stopped') return style.good(MARKS.done);
  if (state === 'failed' || state === 'cancelled') return style.bad(MARKS.failed);
  return state === 'running' ? style.accent(MARKS.started) : style.warn(MARKS.waits);
}

function headline(status: RunStatus, style: Style): string {
  const { state, reason, waits_for, performed_by } = status;
  if (waits_for !== null) return style.warn(`waits at gate ${waits_for.gate} for the role ${waits_for.role}`);
  if (state === 'waits') return style.warn('waits for a person');
  if (state === 'interrupted') return style.warn('interrupted: no process performs it');
  if (state === 'running') {
    const who = performed_by.state === 'unknown' ? ` (by process ${performed_by.pid} elsewhere)` : '';
    return style.accent(`running${who}`);
  }
  return `${state}${reason === null || reason === '' ? '' : `: ${safeText(reason)}`}`;
}

function factsOf(status: RunStatus, { lock, style, now_ms }: StatusOptions): ([string, string] | null)[] {
  const { phase, points, in_flight, best, failures, pools, eta } = status;
  const { succeeded, failed, cancelled, feasible } = points;
  const counts = [
    `${succeeded} succeeded (${feasible} feasible)`,
    ...(failed > 0 ? [style.bad(`${failed} failed`)] : []),
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
  ].join(', ');
  const flying = in_flight.length > 0 ? `; ${in_flight.length} in flight` : '';
  const held = Object.entries(pools).map(([name, { held, tokens }]) => `${name} ${held} of ${tokens}`);
  const waiting =
    status.waiting_for_pools > 0 ? `; ${plural(status.waiting_for_pools, 'step')} waiting: expctl pools` : '';
  const classes = Object.entries(failures).map(([name, count]) => `${safeText(name)} ${count}`);
  return [
    ['plan', safeText(`${status.plan}: ${status.goal}`)],
    ['time', timeText(status, now_ms)],
    phase === null ? null : ['phase', `${phase.phase} (${phase.kind}), ${phase.number} of ${phase.of}`],
    ['points', `${points.done} of ${points.planned} done: ${counts}${flying}`],
    best === null
      ? null
      : ['best', `point ${best.point}: ${metricsText(best.metrics, lock)}  ${valuesText(best.values, lock)}`],
    classes.length === 0 ? null : ['failures', classes.join(', ')],
    held.length === 0 || status.ended_ms !== null ? null : ['pools', `${held.join(', ')} held${waiting}`],
    ['budget', budgetText(status)],
    eta === null
      ? null
      : [
          'time left',
          `about ${shownDuration(eta.likely_s)} (${shownDuration(eta.from_s)} to ${shownDuration(eta.to_s)}) for ${plural(eta.points_left, 'point')}`,
        ],
  ];
}

function timeText({ started_ms, ended_ms, active_s, last_event_ms }: RunStatus, now_ms: number): string {
  const whole = Math.max(0, (ended_ms ?? now_ms) - started_ms) / 1000;
  const active = `${shownDuration(active_s)} of work`;
  if (ended_ms !== null) return `took ${shownDuration(whole)}, ${active}`;
  const last = shownDuration(Math.max(0, now_ms - last_event_ms) / 1000);
  return `began ${shownDuration(whole)} ago, ${active}; the study's last event ${last} ago`;
}

function budgetText({ budget }: RunStatus): string {
  const { points, calls, failed_points, wall_time_s } = budget;
  const texts = [`points ${points.used} of ${points.limit}`, `calls ${calls.used} of ${calls.limit}`];
  if (failed_points.limit !== null) texts.push(`failed points ${failed_points.used} of ${failed_points.limit}`);
  if (wall_time_s.limit !== null) {
    texts.push(`time ${shownDuration(wall_time_s.used)} of ${shownDuration(wall_time_s.limit)}`);
  }
  return texts.join(', ');
}

function inFlightLines({ in_flight }: RunStatus, { now_ms, style }: StatusOptions): string[] {
  if (in_flight.length === 0) return [];
  const shown = in_flight.slice(0, MOST_SHOWN).map(({ point, steps }) => {
    const texts = steps.map(({ step, status, attempt, since_ms }) => {
      const since = since_ms === null ? '' : ` for ${shownDuration(Math.max(0, now_ms - since_ms) / 1000)}`;
      return `${step} ${STEP_WORDS[status] ?? status}${attempt > 1 ? `, attempt ${attempt}` : ''}${since}`;
    });
    return `    point ${String(point).padEnd(4)} ${texts.join('; ') || 'between two steps'}`;
  });
  const more = in_flight.length - MOST_SHOWN;
  return [`  ${style.dim('in flight')}`, ...shown, ...(more > 0 ? [`    and ${more} more`] : [])];
}

const STEP_WORDS: Readonly<Record<string, string>> = {
  out: 'out',
  wanting: 'waits for its pools',
  backing_off: 'waits to be tried again',
  held: 'held',
  unresolved: 'needs a person',
};

function waitLines({ waits_for, state, run, unresolved }: RunStatus, style: Style): string[] {
  if (unresolved.length > 0) {
    const what = plural(unresolved.length, 'effect needs a person', 'effects need a person');
    const command = style.strong(`expctl resolve ${safeText(run)}`);
    return ['', `  ${style.warn(MARKS.waits)} ${what}: nobody knows what became of it. Look: ${command}`];
  }
  if (waits_for === null) {
    const resumable = state === 'interrupted' || state === 'paused';
    return resumable ? ['', `  Go on: ${style.strong(`expctl resume ${safeText(run)}`)}`] : [];
  }
  const { ask, command, decision_posted } = waits_for;
  const why = decision_posted ? 'A decision was signed; whoever resumes the run takes it:' : 'Decide:';
  return ['', `  ${style.warn(MARKS.waits)} ${safeText(ask)}`, `    ${why} ${style.strong(safeText(command))}`];
}

function brokenLines({ broken, run }: RunStatus, style: Style): string[] {
  if (broken === null) return [];
  const where = `${broken.stream}/${broken.seq}`;
  return [
    '',
    `  ${style.bad(`${MARKS.failed} The journal does not hold from ${where} on: expctl replay ${safeText(run)}`)}`,
  ];
}
