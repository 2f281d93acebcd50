import { WALL_TIME } from '../../kernel/study.ts';
import type { Recovered } from '../embedded/recover.ts';
import type { CarriedStudy } from './protocol.ts';

/** A run as its journal left it, for a study's workflow that goes on with it. */
export function carriedStudy({ machine, pending, trail, active_ms }: Recovered): CarriedStudy {
  const study = machine.study!;
  const timers: Record<string, number> = {};
  let wall_time_left_ms: number | null = null;
  for (const { point, timer, due_ms, after_s } of pending.timers.values()) {
    if (point !== null) continue;
    if (timer === WALL_TIME) wall_time_left_ms = Math.max(0, after_s * 1000 - active_ms);
    else timers[timer] = due_ms;
  }
  return {
    study,
    seq: trail.heads.get('study')?.seq ?? 0,
    commands: [],
    timers,
    wall_time_left_ms,
    last_message: 0,
    secrets: {},
    left: study.in_flight,
  };
}
