import type { Command } from 'commander';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { diffLocks, type LockChange } from '../plan/diff.ts';
import { diffMarkdown } from '../ui/diff/markdown.ts';
import type { DiffNames } from '../ui/diff/summary.ts';
import { diffLines } from '../ui/diff/text.ts';
import { styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { lastApproved } from './approval-flow.ts';
import { printProblems, problemsDocument } from './check.ts';
import { type DiffSide, readSide, tablesIn } from './diff-side.ts';
import { sha256Of } from './locks.ts';
import { command, type JsonOption, type TrustOption, usage, withExamples, withJson, withTrust } from './options.ts';
import type { PlanInput } from './plan-input.ts';

interface DiffOptions extends JsonOption, TrustOption {
  readonly env?: string;
  readonly md?: boolean;
  readonly text?: boolean;
  readonly exitCode?: boolean;
}

export function diffCommand(app: App): Command {
  const diff = command('diff', 'compare two plans by meaning, or a plan with the last approved one')
    .argument('<before>', 'plan or lock; alone, it is compared with the last approved lock of its plan')
    .argument('[after]', 'plan or lock')
    .option('--env <name>', 'environment in which plans are locked (default: local)')
    .option('--md', 'Markdown, for a comment on a change request')
    .option('--text', 'every line that differs of the locks themselves, as a unified diff')
    .option('--exit-code', 'exit 1 if something differs')
    .action((before: string, after: string | undefined, options: DiffOptions) => runDiff(app, before, after, options));
  return withExamples(
    withTrust(withJson(diff)),
    'expctl diff old.lock.json plans/beam.plan.yaml',
    'expctl diff plans/beam.plan.yaml             # with the last approved one',
    'expctl diff plans/beam.plan.yaml --md --exit-code',
    'expctl diff plans/beam.plan.yaml --text',
  );
}

async function runDiff(app: App, first: string, second: string | undefined, options: DiffOptions): Promise<void> {
  if ([options.json, options.md, options.text].filter((form) => form === true).length > 1)
    throw usage('--json, --md and --text exclude each other.', 'Choose one.');
  const read = [];
  for (const path of second === undefined ? [first] : [first, second]) {
    const one = await readSide(app, path, options.env);
    if ('invalid' in one) return tellInvalid(app, one.invalid, options);
    read.push(one.side);
  }
  const after = read.at(-1)!;
  const before = second === undefined ? await approvedSide(app, after, options) : read[0]!;
  const changes = diffLocks(before.lock, after.lock, { before: before.tables, after: after.tables });
  app.terminal.out(await rendered(app, changes, before, after, options));
  if (options.exitCode === true && changes.length > 0) app.exit(1);
}

function tellInvalid(app: App, input: PlanInput, options: DiffOptions): void {
  if (options.json === true) app.terminal.out(problemsDocument(input));
  else printProblems(app, input);
  app.terminal.note('A plan with errors cannot be compared.');
  app.exit(2);
}

/** The last approved lock of the same plan; it may be this very one. */
async function approvedSide(app: App, after: DiffSide, { trust }: DiffOptions): Promise<DiffSide> {
  unwrap(await app.trust(trust, after.project));
  const { project, lock, designs } = after;
  const approved = await lastApproved(app, { project, lock, lock_sha256: '' }, trust);
  if (approved === null) {
    const hint = 'Name what to compare with: `expctl diff BEFORE AFTER`; or `expctl review` the lock first.';
    throw new ExpctlError('NOT_FOUND', `No lock of the plan ${lock.name} is approved yet.`, { hint });
  }
  const tables = designs === null ? new Map() : await tablesIn(app, approved, designs);
  const lock_sha256 = sha256Of(canonicalJson(approved));
  return { name: `the last approved lock of ${approved.name}`, lock: approved, lock_sha256, tables, project, designs };
}

async function rendered(
  app: App,
  changes: readonly LockChange[],
  before: DiffSide,
  after: DiffSide,
  { json, md, text }: DiffOptions,
): Promise<string> {
  const named = ({ name, lock_sha256 }: DiffSide): DiffNames['before'] => ({ name, sha256: lock_sha256 });
  const names: DiffNames = { before: named(before), after: named(after) };
  if (json === true) return JSON.stringify({ ...names, same: changes.length === 0, changes }, null, 2);
  if (md === true) return diffMarkdown(changes, names);
  const style = styleFor(app.terminal.colour.out);
  if (text !== true) return diffLines(changes, names, style).join('\n');
  const { unifiedDiff } = await import('../ui/diff/unified.ts');
  return unifiedDiff(before.lock, after.lock, names, style).join('\n');
}
