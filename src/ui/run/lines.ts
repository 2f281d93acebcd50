import type { PointResult, RunEvent } from '../../ir/events.ts';
import type { Lock } from '../../ir/lock.ts';
import { plural, shownDuration } from '../format.ts';
import { metricsText } from '../quantities.ts';
import { safeText } from '../safe-text.ts';
import { MARKS, type Style } from '../style.ts';

export interface LineOptions {
  readonly lock: Lock;
  readonly style: Style;
  /** Steps too, not only points. */
  readonly verbose: boolean;
}

/** An event as a line for people; null for what is of no interest to them. */
export function eventLine(event: RunEvent, point: number | null, options: LineOptions): string | null {
  const { style, lock, verbose } = options;
  switch (event.type) {
    case 'run.started':
      return `${style.accent(MARKS.started)} the run began`;
    case 'phase.started':
      return `${style.accent(MARKS.started)} phase ${style.strong(event.phase)} (${event.kind}${event.occurrence > 1 ? `, ${event.occurrence}. time` : ''})`;
    case 'point.finished':
      return pointLine(event.point, event.result, lock, style);
    case 'step.failed':
      return stepFailed(event, point, options);
    case 'gate.opened':
      return `${style.warn(MARKS.waits)} gate ${style.strong(event.gate)}: ${safeText(event.ask)}`;
    case 'gate.decided':
      return `${style.good(MARKS.done)} gate ${event.gate}: ${event.by} decided ${style.strong(event.outcome)}`;
    case 'decision.made':
      return `${style.accent(MARKS.note)} ${event.phase}: ${event.action}${event.because === '' ? '' : `, because ${safeText(event.because)}`}`;
    case 'run.paused':
      return `${style.warn(MARKS.waits)} paused${because(event.reason)}`;
    case 'run.resumed':
      return `${style.accent(MARKS.started)} goes on`;
    case 'points.cancelled':
      return `${style.warn(MARKS.waits)} points with ${safeText(event.where)} cancelled by ${safeText(event.by)}${because(event.reason)}`;
    case 'phase.cancelled':
      return `${style.warn(MARKS.waits)} ${safeText(event.phase)} cancelled by ${safeText(event.by)}${because(event.reason)}`;
    case 'points.retried':
      return `${style.accent(MARKS.started)} ${plural(event.points.length, 'failed point')} tried again, for ${safeText(event.by)}`;
    case 'step.unresolved':
      return `${style.warn(MARKS.waits)} point ${point}: ${stepName(event)} needs a person: ${safeText(event.message)}`;
    case 'effect.resolved':
      return `${style.accent(MARKS.note)} point ${point}: ${stepName(event)}: ${event.as.replace('_', ' ')}, said by ${safeText(event.by)}`;
    case 'run.cancelled':
      return `${style.warn(MARKS.waits)} cancelled by ${safeText(event.by)}${because(event.reason)}`;
    case 'study.timer_fired':
      return `${style.warn(MARKS.waits)} time is up: ${safeText(event.timer)}`;
    case 'run.finished':
      return finishedLine(event, style);
    case 'effect.intended':
      return verbose ? `${MARKS.note} point ${point}: ${stepName(event)} attempt ${event.attempt} sent` : null;
    case 'effect.answered':
      return verbose ? `${MARKS.note} point ${point}: ${stepName(event)} answered` : null;
    case 'effect.resent':
      return `${style.warn(MARKS.waits)} point ${point}: ${stepName(event)} sent again under the same key`;
    case 'step.skipped':
      return verbose ? `${MARKS.note} point ${point}: ${event.step} skipped` : null;
    default:
      return null;
  }
}

function pointLine(point: number, result: PointResult, lock: Lock, style: Style): string {
  if (result.status !== 'succeeded') {
    const { failure } = result;
    const why = failure === null ? '' : `: ${failure.step}, ${failure.class}: ${safeText(failure.message)}`;
    return `${style.bad(MARKS.failed)} point ${point} ${result.status}${why}`;
  }
  const fit = result.feasible === false ? style.dim('  breaks a constraint') : '';
  return `${style.good(MARKS.done)} point ${String(point).padEnd(3)} ${metricsText(result.metrics, lock)}${fit}`;
}

function stepFailed(
  event: Extract<RunEvent, { type: 'step.failed' }>,
  point: number | null,
  { style }: LineOptions,
): string {
  const again = event.again_in_s === null ? '' : `; again in ${shownDuration(event.again_in_s)}`;
  const what = `point ${point}: ${stepName(event)} attempt ${event.attempt} failed, ${event.class}`;
  return `${style.warn('!')} ${what}: ${safeText(event.message)}${again}`;
}

function stepName({ step, part }: { step: string; part: string }): string {
  return part === 'call' ? step : `${step} (${part})`;
}

function finishedLine(event: Extract<RunEvent, { type: 'run.finished' }>, style: Style): string {
  const { succeeded, failed, cancelled } = event.points;
  const counts = [
    plural(succeeded, 'point succeeded', 'points succeeded'),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
  ].join(', ');
  const isGood = event.status === 'completed' || event.status === 'stopped';
  const mark = isGood ? style.good(MARKS.done) : style.bad(MARKS.failed);
  return `${mark} ${event.status}${because(event.reason)} (${counts})`;
}

/** `: why`, and nothing where nobody said why. */
function because(reason: string): string {
  return reason === '' ? '' : `: ${safeText(reason)}`;
}
