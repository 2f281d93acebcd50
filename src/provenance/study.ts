import type { JournalRow, PointResult, StudyEvent } from '../ir/events.ts';
import { StudySummary } from '../ir/study-summary.ts';
import { eventOf, observedOf } from './rows.ts';

export type { GateView, PhaseView } from '../ir/study-summary.ts';

interface PointSummary {
  readonly point: number;
  /** Phase that started it: for points of an extension, the one that asked for them. */
  readonly phase: string;
  readonly table: string;
  readonly row: number;
  readonly started_ms: number;
  ended_ms: number | null;
  result: PointResult | null;
}

/** What the study's stream tells, with every point: memory that grows with their number. The same for every question about a run. */
export class StudyFold extends StudySummary {
  readonly points = new Map<number, PointSummary>();

  /** Takes a row of the stream `study`. */
  takeRow(row: JournalRow): void {
    const event = eventOf(row) as StudyEvent;
    this.take(row, event, observedOf(row));
    if (event.type === 'point.started') {
      const { point, table, row: index } = event;
      const phase = this.phase?.phase ?? '';
      this.points.set(point, {
        point,
        phase,
        table,
        row: index,
        started_ms: row.wall_ms,
        ended_ms: null,
        result: null,
      });
    } else if (event.type === 'point.finished') {
      const summary = this.points.get(event.point);
      if (summary !== undefined) Object.assign(summary, { ended_ms: row.wall_ms, result: event.result });
    } else if (event.type === 'points.retried') {
      for (const point of event.points) Object.assign(this.points.get(point) ?? {}, { ended_ms: null, result: null });
    }
  }
}
