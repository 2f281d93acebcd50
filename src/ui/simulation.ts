import type { AssumedDuration, DurationSpec, PhaseUse, PoolUse, Simulation, Spread } from '../ir/simulation.ts';
import { type Column, cut, renderColumns } from './columns.ts';
import { plural, shownDuration, shownNumber } from './format.ts';
import { safeText } from './safe-text.ts';
import { MARKS, type Style } from './style.ts';

/** Cells of a bar over the whole makespan: with a name beside it, it fits into 80 columns. */
const BAR_CELLS = 50;
const LEVELS = [...' ▁▂▃▄▅▆▇█'];

export interface SimulationView {
  readonly style: Style;
  readonly columns: number;
  /** How a distribution is written. */
  readonly durationText: (spec: DurationSpec) => string;
}

/** What came out of a simulation, as lines. */
export function simulationLines(simulation: Simulation, view: SimulationView): string[] {
  const title = (text: string) => ['', view.style.strong(text)];
  const { name, repeat, seed, pools, phases, critical_path, durations, assumptions } = simulation;
  return [
    view.style.strong(`${safeText(name)}: ${plural(repeat, 'simulated run')}, seed ${seed}`),
    '',
    ...summaryLines(simulation),
    ...simulation.warnings.map((warning) => view.style.warn(`! ${warning}`)),
    ...(pools.length === 0 ? [] : [...title('Pools'), ...poolLines(simulation)]),
    ...(phases.length === 0 ? [] : [...title('Phases'), ...phaseLines(phases, simulation.makespan_s.p50)]),
    ...(critical_path.length === 0 ? [] : [...title('What the makespan is made of'), ...criticalLines(simulation)]),
    ...title('Durations'),
    ...durationLines(durations, simulation.failures, view),
    '',
    ...assumptions.flatMap((one) => wrapped(`${MARKS.note} ${one}`, Math.min(view.columns, 100))),
  ];
}

function summaryLines(simulation: Simulation): string[] {
  const { makespan_s, lower_bound_s, bound_by, points, failed_points, calls, jobs, cost, gates, ended } = simulation;
  const ratio = lower_bound_s.p50 === 0 ? '' : `, ${(makespan_s.p50 / lower_bound_s.p50).toFixed(2)} × the lower bound`;
  const failed = failed_points.p90 === 0 ? '' : `; failed ${spreadText(failed_points, shownNumber)}`;
  const rows = [
    ['makespan', `${spreadText(makespan_s, shownDuration)}${ratio}`],
    ['lower bound', `${spreadText(lower_bound_s, shownDuration)}, by ${bound_by}`],
    ['points', `${spreadText(points, shownNumber)}${failed}`],
    ['calls', `${spreadText(calls, shownNumber)}; jobs ${spreadText(jobs, shownNumber)}`],
    ...(cost === null ? [] : [['cost', spreadText(cost, money)]]),
    ...(gates === 0 ? [] : [['gates', `${plural(gates, 'visit')}; waiting for people is not part of the makespan`]]),
    ...Object.entries(ended).map(([end, count]) => ['ended', `${safeText(end)}${timesText(count, simulation.repeat)}`]),
  ];
  return renderColumns([{ title: '' }, { title: '' }], rows).slice(1);
}

function timesText(count: number, of: number): string {
  return of === 1 ? '' : ` (${count} of ${of})`;
}

/** The median, and the tenth and ninetieth per cent where they differ. */
function spreadText({ p10, p50, p90 }: Spread, shown: (value: number) => string): string {
  return p10 === p90 ? shown(p50) : `${shown(p50)} (${shown(p10)} to ${shown(p90)})`;
}

function money(amount: number): string {
  return shownNumber(Math.round(amount * 100) / 100);
}

const POOL_COLUMNS: readonly Column[] = [
  { title: 'pool' },
  { title: 'capacity', right: true },
  { title: 'mean', right: true },
  { title: 'peak', right: true },
  { title: 'idle', right: true },
  { title: 'token-hours', right: true },
];

function poolLines({ pools, cost }: Simulation): string[] {
  const columns = cost === null ? POOL_COLUMNS : [...POOL_COLUMNS, { title: 'cost', right: true }];
  const rows = pools.map((pool) => [
    pool.pool,
    shownNumber(pool.capacity),
    shownNumber(Number(pool.mean.toPrecision(3))),
    shownNumber(pool.peak),
    percent(pool.idle),
    shownNumber(Number(pool.token_hours.p50.toPrecision(4))),
    ...(pool.cost === null ? [] : [money(pool.cost.p50)]),
  ]);
  const width = Math.max(...pools.map(({ pool }) => pool.length));
  return [...renderColumns(columns, rows), ...pools.map((pool) => `${pool.pool.padEnd(width)}  ${useBar(pool)}`)];
}

function useBar({ profile }: PoolUse): string {
  const level = (part: number) => LEVELS[part <= 0 ? 0 : Math.min(8, Math.max(1, Math.round(part * 8)))]!;
  return `│${profile.map(level).join('')}│`;
}

function phaseLines(phases: readonly PhaseUse[], makespan_s: number): string[] {
  const total_s = Math.max(makespan_s, ...phases.map(({ ends_s }) => ends_s), 1e-9);
  const cell = (seconds: number) => Math.min(BAR_CELLS, Math.round((seconds / total_s) * BAR_CELLS));
  const rows = phases.map(({ phase, points, begins_s, ends_s }) => {
    const begin = Math.min(cell(begins_s), BAR_CELLS - 1);
    const bar = '█'.repeat(Math.max(1, cell(ends_s) - begin));
    return [cut(phase, 20), plural(points, 'point'), `│${`${' '.repeat(begin)}${bar}`.padEnd(BAR_CELLS)}│`];
  });
  return renderColumns([{ title: '' }, { title: '', right: true }, { title: '' }], rows).slice(1);
}

function criticalLines({ critical_path, held_by }: Simulation): string[] {
  const columns = [{ title: 'step' }, { title: 'time', right: true }, { title: 'share', right: true }];
  const rows = critical_path.map(({ what, seconds, share }) => [what, shownDuration(seconds), percent(share)]);
  const held = held_by.map(({ by, share }) => `${by} ${percent(share)}`);
  return [...renderColumns(columns, rows), ...(held.length === 0 ? [] : [`held up by: ${held.join(', ')}`])];
}

function durationLines(
  durations: readonly AssumedDuration[],
  failures: Readonly<Record<string, number>>,
  { durationText }: SimulationView,
): string[] {
  const rows = durations.map(({ part, spec, source, records }) => {
    const from =
      source === 'recorded' ? `recorded, ${plural(records, 'time')}` : source === 'none' ? 'at once' : 'given';
    const fails = failures[part.replace(/\.poll$/, '')];
    return [part, durationText(spec), from, fails === undefined ? '' : `fails in ${percent(fails)} of attempts`];
  });
  return renderColumns([{ title: '' }, { title: '' }, { title: '' }, { title: '' }], rows).slice(1);
}

function percent(part: number): string {
  return `${shownNumber(Number((part * 100).toPrecision(3)))} %`;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
