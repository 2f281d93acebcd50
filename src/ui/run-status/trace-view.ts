import type { Lock } from '../../ir/lock.ts';
import type { EffectView } from '../../provenance/effects.ts';
import type { MetricTrace, PointTrace, RunTrace, ValueTrace } from '../../provenance/trace.ts';
import type { ObjectTrace } from '../../provenance/trace-object.ts';
import { unreachable } from '../../base/unreachable.ts';
import { renderColumns } from '../columns.ts';
import { plural, shownBytes, shownDuration, shownNumber, shownTime } from '../format.ts';
import { metricsText, nameWithUnit, shownQuantity, valuesText } from '../quantities.ts';
import { safeText } from '../safe-text.ts';
import { MARKS, type Style } from '../style.ts';
import { effectLines, fact, originLines, short, shownJson } from './trace-parts.ts';

export type AnyTrace = RunTrace | PointTrace | ValueTrace | MetricTrace | ObjectTrace;

interface Options {
  readonly lock: Lock;
  readonly style: Style;
}

/** Where something comes from, as lines for people; `--json` has all of it, uncut. */
export function traceLines(trace: AnyTrace, options: Options): string[] {
  switch (trace.kind) {
    case 'run':
      return runLines(trace, options.style);
    case 'point':
      return pointLines(trace, options);
    case 'value':
      return valueLines(trace, options);
    case 'metric':
      return metricLines(trace, options.style);
    case 'object':
      return objectLines(trace, options.style);
    default:
      return unreachable(trace);
  }
}

function runLines(trace: RunTrace, style: Style): string[] {
  const { ended, points, gates, decisions, tools, tables, study_head } = trace;
  const end =
    ended === null
      ? 'not ended'
      : `${ended.status}${ended.reason === '' ? '' : `: ${ended.reason}`}, ${shownTime(ended.wall_ms)}`;
  return [
    `${style.strong(safeText(trace.run))}  ${safeText(trace.goal)}`,
    ...originLines(trace, style),
    style.dim('  what happened'),
    fact('began', shownTime(trace.started_ms), style, '    '),
    fact(
      'points',
      `${points.done} of ${points.planned} done, ${points.succeeded} succeeded, ${points.failed} failed`,
      style,
      '    ',
    ),
    ...gates.map((gate) => fact('gate', gateText(gate), style, '    ')),
    ...decisions.map(({ phase, action, because }) =>
      fact('decision', safeText(`${phase}: ${action}${because === '' ? '' : `, because ${because}`}`), style, '    '),
    ),
    fact('end', safeText(end), style, '    '),
    style.dim('  by which tools'),
    ...tools.flatMap(({ name, version, pin, probe, program }) => [
      fact('tool', safeText(`${name}: ${version ?? 'program'}, pin ${short(pin)}`), style, '    '),
      ...(probe === null ? [] : [fact('', shownJson(probe), style, '    ')]),
      ...program.map(({ file, sha256 }) => fact('', safeText(`${file}, sha256 ${short(sha256)}`), style, '    ')),
    ]),
    style.dim('  on which designs'),
    ...tables.map(({ id, sha256, rows, first_point, generator }) =>
      fact(
        id,
        safeText(
          `points ${first_point} to ${first_point + rows - 1}, ${shownJson(generator as never)}, sha256 ${short(sha256)}`,
        ),
        style,
        '    ',
      ),
    ),
    ...(study_head === null ? [] : [fact('head', `study/${study_head.seq}, ${short(study_head.hash)}`, style)]),
  ];
}

function gateText(gate: RunTrace['gates'][number]): string {
  const { decided, closed, role, comment } = gate;
  if (decided === null)
    return safeText(`${gate.gate}: ${closed === null ? `open, waits for ${role}` : `closed by ${closed}`}`);
  const words = comment === null || comment === '' ? '' : `, “${comment}”`;
  const statement = short(decided.statement_sha256);
  return safeText(
    `${gate.gate}: ${decided.outcome}, by ${decided.by}, ${shownTime(decided.at.wall_ms)}, statement ${statement}${words}`,
  );
}

function pointLines(trace: PointTrace, { lock, style }: Options): string[] {
  const { result, effects, failures } = trace;
  const notStarted = trace.began_ms === null;
  return [
    ...headLines(trace, lock, style),
    ...(notStarted ? [`  ${MARKS.note} it was not started`] : []),
    ...effects.flatMap((effect) => effectLines(effect, style)),
    ...failures.map(({ step, part, attempt, class: kind, message, again_in_s }) => {
      const again = again_in_s === null ? 'for good' : `again in ${shownDuration(again_in_s)}`;
      const name = part === 'call' ? step : `${step}.${part}`;
      return `  ${style.warn('!')} ${safeText(`${name} attempt ${attempt} failed, ${again}; ${kind}: ${message}`)}`;
    }),
    ...(result === null ? [] : [resultLine(trace, lock, style)]),
    ...originLines(trace, style),
    chainLine(trace, style),
  ];
}

function resultLine({ result }: PointTrace, lock: Lock, style: Style): string {
  if (result?.status !== 'succeeded') {
    const why = result?.failure ?? null;
    return fact(
      'result',
      style.bad(
        safeText(`${result?.status ?? ''}${why === null ? '' : `: ${why.step}, ${why.class}: ${why.message}`}`),
      ),
      style,
    );
  }
  const fit = result.feasible === true ? 'feasible' : 'breaks a constraint';
  return fact('result', `${metricsText(result.metrics, lock)}  ${fit}`, style);
}

function headLines(trace: PointTrace, lock: Lock, style: Style): string[] {
  const { id, row, sha256, generator } = trace.table;
  return [
    `${style.strong(`point ${trace.point}`)} of ${safeText(trace.run)}`,
    fact(
      'phase',
      `${safeText(trace.phase)}, row ${row + 1} of the table ${safeText(id)}, sha256 ${short(sha256)}`,
      style,
    ),
    fact('design', shownJson(generator as never), style),
    fact('values', valuesText(trace.values, lock), style),
  ];
}

function chainLine({ rows, head, chain_holds, point }: PointTrace, style: Style): string {
  const holds = chain_holds ? 'every row follows from the one before' : style.bad('BROKEN: see expctl replay');
  return fact('chain', `point/${point}: ${plural(rows, 'row')}, ${holds}; head ${short(head)}`, style);
}

function valueLines(trace: ValueTrace, { lock, style }: Options): string[] {
  const { sources, value, point, lineage } = trace;
  const shown = value === null ? 'no value' : shownQuantity(value, sources.unit);
  return [
    `${style.strong(`${safeText(sources.metric)}: ${shown}`)}  of point ${point.point} of ${safeText(trace.run)}`,
    fact('is', `${safeText(sources.expression)}${value === null ? '' : `, exactly ${value}`}`, style),
    ...(lineage.length === 0 ? [] : [style.dim('  made of, nearest first')]),
    ...lineage.flatMap((effect) => effectLines(effect, style)),
    ...(value === null && point.result !== null ? [resultLine(point, lock, style)] : []),
    ...headLines(point, lock, style).slice(1),
    ...originLines(trace, style),
    chainLine(point, style),
  ];
}

function metricLines(trace: MetricTrace, style: Style): string[] {
  const { sources, points } = trace;
  const columns = [
    { title: 'point', right: true },
    { title: 'phase' },
    { title: nameWithUnit(sources.metric, sources.unit), right: true },
    { title: '' },
    { title: 'from' },
    { title: 'answered' },
    { title: 'key' },
  ];
  const rows = points.map(({ point, phase, value, status, feasible, from }) => [
    String(point),
    safeText(phase),
    value === null ? '-' : shownNumber(value),
    value === null ? status : feasible === true ? 'feasible' : 'breaks a constraint',
    from === null ? '-' : fromText(from),
    from?.ended_ms == null ? '-' : shownTime(from.ended_ms),
    from === null ? '-' : short(from.key),
  ]);
  return [
    `${style.strong(safeText(sources.metric))} of ${safeText(trace.run)}`,
    fact('is', safeText(sources.expression), style),
    fact('made by', safeText(sources.steps.join(' ← ')), style),
    '',
    ...renderColumns(columns, rows).map((line) => `  ${line}`),
    '',
    ...originLines(trace, style),
  ];
}

function fromText({ step, part, attempt, call }: EffectView): string {
  const name = part === 'call' ? step : `${step}.${part}`;
  return safeText(`${name} (${call})${attempt > 1 ? `, attempt ${attempt}` : ''}`);
}

function objectLines({ objects, run }: ObjectTrace, style: Style): string[] {
  return objects.flatMap(({ sha256, is, bytes, kept, made_by, used_by }) => [
    `${style.strong(sha256)}`,
    fact('is', `${safeText(is)} of ${safeText(run)}${bytes === null ? '' : `, ${shownBytes(bytes)}`}`, style),
    fact('kept', kept ? 'in the store' : 'no: it names nothing that is kept as a file', style),
    ...made_by.map(({ point, effect }) => fact('made by', `point ${point}, ${fromText(effect)}`, style)),
    ...used_by.map(({ point, effect }) => fact('used by', `point ${point}, ${fromText(effect)}`, style)),
  ]);
}
