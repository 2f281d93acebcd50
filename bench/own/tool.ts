import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openArtifacts } from '../../src/adapters/artifacts.ts';
import { createTools } from '../../src/adapters/tools.ts';
import type { JournalStore } from '../../src/engines/ports.ts';
import { unwrap } from '../../src/base/result.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import type { Load } from '../lib/contestant.ts';
import { declarationOf, type Kind } from './noop-tools.ts';
import { performed } from './perform.ts';
import { serve } from './program.ts';
import { studyOf } from './study.ts';

/** Contestant: expctl's embedded engine with a tool that does nothing, through the real adapters. `tool FOLDER KIND SERVER` */
const [folder = '', kind = '', server = ''] = process.argv.slice(2);

await serve<Load>(async ({ width, workflows, steps }) => {
  const store = mkdtempSync(join(folder, 'run-'));
  const project = join(store, 'project');
  mkdirSync(project);
  const toolsOver = (journal?: JournalStore) =>
    createTools({ project_folder: project, artifacts: openArtifacts(store, journal) });
  const pinned = unwrap(await toolsOver().discover('noop', declarationOf(kind as Kind, server)));
  const pin = createHash('sha256').update(canonicalJson(pinned)).digest('hex');
  const study = studyOf({ points: workflows, steps, width }, { tool: { name: 'noop', pin, pinned }, call: 'noop' });
  const workFolder = (run: string, point: number, step: string, attempt: number) =>
    join(store, 'work', run, String(point), `${step}-${attempt}`);
  const seconds = await performed(study, store, { tools: toolsOver, workFolder });
  rmSync(store, { recursive: true });
  return { seconds };
});
