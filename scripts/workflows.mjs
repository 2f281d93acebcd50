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

/** As it is shipped: without the map of its sources at its end, and without paths of this machine. */
function withoutPaths(code) {
  const map = code.lastIndexOf('//# sourceMappingURL=');
  return code.slice(0, map === -1 ? undefined : map).replaceAll(ROOT, '');
}
