import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Load } from '../lib/contestant.ts';
import { noopTools, performed } from './perform.ts';
import { serve } from './program.ts';
import { studyOf } from './study.ts';

/** Contestant: expctl's embedded engine with a tool that answers at once. `embedded FOLDER` */
const [folder = ''] = process.argv.slice(2);

await serve<Load>(async ({ width, workflows, steps }) => {
  const study = studyOf({ points: workflows, steps, width });
  const store = mkdtempSync(join(folder, 'run-'));
  const seconds = await performed(study, store, { tools: noopTools });
  rmSync(store, { recursive: true });
  return { seconds };
});
