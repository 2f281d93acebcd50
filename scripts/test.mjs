/*
 * `npm test`: installs what is missing, builds, and runs the test suite. Its last line is `N passed, N failed`.
 *
 * Without Debian packages, servers or long campaigns in the suite of a newcomer; those are in `npm run test:ci` and `npm run soak`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { commandPath, duration, ensureBuilt, ensureInstalled, main, ROOT } from './lib.mjs';

const USAGE = `npm test [-- FILTER...]      the suite that needs nothing but Node, npm, git, Python 3 and a compiler
npm run test:ci [-- FILTER...]  what needs real solvers, browsers, servers and pseudo-terminals
npm run soak [-- FILTER...]     long campaigns, run by hand; figures go into docs/reliability.md

FILTER: part of a test file's path; further options are those of vitest.
`;

/** What a skipped test is missing, by its file; a test may also say so itself. */
const MISSING = [
  [/^test\/adapters\/ssh\//, 'install ssh-keygen (Debian: openssh-client)'],
  [/^test\/(ir\/canonical|approval\/ed25519)\./, 'put the published test vectors into ../shared/vectors'],
];

/** What test/ci uses besides Node packages, and where it comes from. */
const CI_TOOLS = [
  ['ccx', 'apt-get install calculix-ccx'],
  ['tmux', 'apt-get install tmux'],
  ['strace', 'apt-get install strace'],
  ['chromium', 'apt-get install chromium'],
  ['ssh-keygen', 'apt-get install openssh-client'],
  ['temporal', 'go install github.com/temporalio/cli/cmd/temporal@v1.5.1, and its folder in PATH'],
];

await main((args) => {
  if (args.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const kind = args.includes('--ci') ? 'ci' : args.includes('--soak') ? 'soak' : 'newcomer';
  const rest = args.filter((arg) => arg !== '--ci' && arg !== '--soak');
  ensureInstalled();
  ensureBuilt();
  const missing =
    kind === 'ci' && rest.length === 0 ? CI_TOOLS.filter(([name]) => commandPath(name) === undefined) : [];
  for (const [name, how] of missing) process.stdout.write(`missing: ${name} (${how})\n`);
  return report(runVitest(kind, rest), { strict: kind === 'ci' || Boolean(process.env.CI), missing });
});

/** What scripts/reporter.mjs has written, with vitest's exit status; undefined where vitest itself failed. */
function runVitest(kind, rest) {
  const folder = mkdtempSync(join(tmpdir(), 'expctl-test-'));
  const file = join(folder, 'summary.json');
  const config = kind === 'newcomer' ? 'vitest.config.ts' : `vitest.${kind}.config.ts`;
  const reporters = ['--reporter=default', '--reporter=./scripts/reporter.mjs'];
  const argv = ['node_modules/vitest/vitest.mjs', 'run', '--config', config, ...reporters, ...rest];
  const start = performance.now();
  try {
    const env = { ...process.env, EXPCTL_TEST_SUMMARY: file };
    const { status } = spawnSync(process.execPath, argv, { cwd: ROOT, env, stdio: ['ignore', 1, 2] });
    process.stdout.write(`Tests took ${duration((performance.now() - start) / 1000)}.\n`);
    return existsSync(file) ? { ...JSON.parse(readFileSync(file, 'utf8')), status } : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints what was skipped and the closing line; where nothing may be skipped, that is a failure. Returns the exit status. */
function report(summary, { strict, missing }) {
  const { passed, skipped, ...rest } = summary ?? { passed: 0, failed: 1, skipped: [], status: 1 };
  for (const test of skipped)
    process.stdout.write(`${strict ? 'failed' : 'skipped'}: ${test.file} > ${test.name}: ${adviceFor(test)}\n`);
  let failed = rest.failed + missing.length + (strict ? skipped.length : 0);
  if (rest.status !== 0 && failed === 0) failed = 1; // vitest says why
  if (passed + failed === 0) process.stdout.write('No test was run.\n');
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

function adviceFor({ file, note }) {
  return note ?? MISSING.find(([pattern]) => pattern.test(file))?.[1] ?? 'the test says when it is skipped';
}
