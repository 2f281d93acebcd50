import type { Lock } from '../ir/lock.ts';
import type { PointRow } from './points.ts';
import type { ReplayReport } from './replay.ts';
import type { RunStatus } from './status.ts';
import type { RunTrace } from './trace.ts';

/** Everything that a report shows. */
export interface ReportData {
  readonly lock: Lock;
  readonly trace: RunTrace;
  readonly status: RunStatus;
  readonly points: readonly PointRow[];
  readonly verdict: ReplayReport;
  /** Whether signatures were checked against a trust policy. */
  readonly trusted: boolean;
  /** When the report was made, in milliseconds since 1970, and by which version. */
  readonly made_ms: number;
  readonly version: string;
}
