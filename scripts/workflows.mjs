/*
 * Bundles what workers run in Temporal's sandbox, so that they need not at every start. Without Temporal's packages, which are optional,
 * there is nothing to bundle for.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib.mjs';

const sdk = await import('@temporalio/worker').catch(() => null);
if (sdk === null) {
  process.stderr.write('Temporal is left out: its optional packages are not installed.\n');
} else {
  const { code } = await sdk.bundleWorkflowCode({
    workflowsPath: join(ROOT, 'src/engines/temporal/workflows/index.ts'),
    logger: new sdk.DefaultLogger('ERROR'),
  });
  writeFileSync(join(ROOT, 'dist/temporal-workflows.js'), withoutPaths(code));
}

/** The same on every machine: paths begin at the repository, in the code and in the map of its sources at its end. */
function withoutPaths(code) {
  const mark = 'sourceMappingURL=data:application/json;charset=utf-8;base64,';
  const at = code.lastIndexOf(mark);
  if (at === -1) return code.replaceAll(ROOT, '');
  const map = Buffer.from(code.slice(at + mark.length).trim(), 'base64').toString('utf8');
  const short = Buffer.from(map.replaceAll(ROOT, '')).toString('base64');
  return `${code.slice(0, at).replaceAll(ROOT, '')}${mark}${short}`;
}
