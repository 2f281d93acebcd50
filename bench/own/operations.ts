import { mkdtempSync, rmSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { noopTools, performed } from './perform.ts';
import { serve } from './program.ts';
import { studyOf } from './study.ts';

/** Contestant: counts what a run executes. `operations FOLDER` */
const [folder = ''] = process.argv.slice(2);

interface Load {
  readonly points: number;
  readonly steps: number;
  readonly width: number;
}

/**
 * How many blocks of the program (function bodies, loop bodies, branches) were executed, each time that it was: V8's block coverage. It
 * knows no clock, so it is the same on every machine; it does not see what a built-in function does within itself.
 */
await serve<Load>(async ({ points, steps, width }) => {
  const store = mkdtempSync(join(folder, 'run-'));
  const study = studyOf({ points, steps, width });
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  await performed(study, store, { tools: noopTools });
  const { result } = await session.post('Profiler.takePreciseCoverage');
  await session.post('Profiler.stopPreciseCoverage');
  session.disconnect();
  rmSync(store, { recursive: true });
  const own = result.filter(({ url }) => url.startsWith('file:') && !url.includes('/better-sqlite3/'));
  const counts = own.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)));
  return { operations: counts.reduce((total, count) => total + count, 0) };
});
