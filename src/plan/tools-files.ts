import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type Environment, EnvironmentFile, LOCAL_ENVIRONMENT } from '../ir/environment.ts';
import type { Problem } from '../ir/problem.ts';
import { parseStrictJson } from '../ir/strict-json.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { type PinnedTool, type ToolDeclaration, ToolsFile, ToolsLock } from '../ir/tools.ts';
import { Reporter } from './check/reporter.ts';
import { firstIssueText, reportIssues } from './check/schema-issues.ts';
import type { Source } from './source.ts';

const LOCK_LIMITS = { max_bytes: 16 * 1024 * 1024, max_nodes: 1_000_000, max_depth: 100 } as const;

/** Reads the tools file: its schema, and what each call needs by its effect. */
export function parseToolsFile(source: Source): Result<ToolsFile, readonly Problem[]> {
  const report = new Reporter(source);
  const parsed = ToolsFile.safeParse(source.value);
  if (!parsed.success) {
    reportIssues(ToolsFile, source.value, parsed.error.issues, report);
    return err(report.problems());
  }
  for (const [name, tool] of Object.entries(parsed.data.tools)) checkTool(name, tool, report);
  return report.hasErrors ? err(report.problems()) : ok(parsed.data);
}

function checkTool(name: string, tool: ToolsFile['tools'][string], report: Reporter): void {
  const path = ['tools', name];
  for (const word of ['http', 'slurm'] as const) {
    if (tool[word] === undefined) continue;
    report.keyError('NOT_YET', [...path, word], `Tools over ${word} cannot be used yet.`, 'Use `mcp` or `process`.');
  }
  const transports = (['mcp', 'process', 'http', 'slurm'] as const).filter((word) => tool[word] !== undefined);
  if (transports.length !== 1) {
    const found =
      transports.length === 0 ? 'does not say how it is started' : `is started in ${transports.length} ways`;
    report.error('TOOL', path, `The tool \`${name}\` ${found}.`, 'Write exactly one of `mcp` and `process`.');
  }
  const probe = tool.version?.call;
  if (probe !== undefined && !Object.hasOwn(tool.calls, probe)) {
    const message = `The version probe \`${probe}\` is none of the calls.`;
    report.error('TOOL', [...path, 'version', 'call'], message, `Declare it: \`${probe}: { effect: pure }\`.`);
  } else if (probe !== undefined && tool.calls[probe]!.effect !== 'pure') {
    const message = `The version probe \`${probe}\` is not declared \`pure\`.`;
    report.error('TOOL', [...path, 'version', 'call'], message, 'A probe is called at any time: it must only look.');
  }
  for (const [call, { effect, key, argv }] of Object.entries(tool.calls)) {
    const here = [...path, 'calls', call];
    if (effect === 'by_key' && key === undefined) {
      const fix = 'Add `key: { argument: NAME }`, the argument that carries the key.';
      report.error('TOOL', here, `\`${call}\` is declared by_key, but not how it takes the key.`, fix);
    }
    if (effect === 'pure' && key !== undefined) {
      report.error(
        'TOOL',
        [...here, 'key'],
        `\`${call}\` is pure and needs no key.`,
        'Remove `key`, or declare it `by_key`.',
      );
    }
    if (tool.process !== undefined && argv === undefined) {
      report.error(
        'TOOL',
        here,
        `\`${call}\` does not say its arguments.`,
        'Add `argv`, such as `["--input", "{file}"]`.',
      );
    }
  }
}

/** Reads `tools.lock.json`, which `expctl tools pin` writes. TOOLS_INVALID. */
export function parseToolsLock(bytes: Uint8Array): Result<ToolsLock> {
  const hint = 'Run `expctl tools pin`.';
  const invalid = (why: string): Result<never> => {
    return err(new ExpctlError('TOOLS_INVALID', `The tools lock cannot be used: ${why}`, { hint }));
  };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return invalid('it is not UTF-8.');
  }
  const parsed = parseStrictJson(text, LOCK_LIMITS);
  if (!parsed.ok) return invalid(`line ${parsed.error.line}: ${parsed.error.message}`);
  const lock = ToolsLock.safeParse(parsed.value.value);
  if (!lock.success) return invalid(`${firstIssueText(lock.error)}.`);
  for (const [name, tool] of Object.entries(lock.data.tools)) {
    for (const [call, { effect, key }] of Object.entries(tool.calls)) {
      if (effect === 'by_key' && key === null) return invalid(`${name}/${call} is by_key and has no key.`);
    }
  }
  return ok(lock.data);
}

/** Whether a pin holds what the tools file says of a tool; what the tool itself says is not looked at. */
export function isAsPinned(declared: ToolDeclaration, pinned: PinnedTool): boolean {
  const transport = declared.mcp ?? declared.process;
  const { kind, command, env } = pinned.transport;
  const isKind = kind === 'mcp' ? declared.mcp !== undefined : declared.process !== undefined;
  if (!isKind || canonicalJson([transport?.command, transport?.env ?? {}]) !== canonicalJson([command, env]))
    return false;
  if ((declared.version?.call ?? null) !== (pinned.probe?.call ?? null)) return false;
  return Object.entries(declared.calls).every(([name, { effect, key = null, argv = null }]) => {
    const call = Object.hasOwn(pinned.calls, name) ? pinned.calls[name] : undefined;
    return (
      call !== undefined && canonicalJson([effect, key, argv]) === canonicalJson([call.effect, call.key, call.argv])
    );
  });
}

/**
 * Reads an environment.
 *
 * @param source null for the built-in environment `local`: a sandbox without pools of its own
 * @param name as the file is called, without folder and extension
 */
export function parseEnvironment(source: Source | null, name: string): Result<Environment, readonly Problem[]> {
  if (source === null) return ok({ ...LOCAL_ENVIRONMENT, name });
  const parsed = EnvironmentFile.safeParse(source.value ?? {});
  if (parsed.success) return ok({ name, ...parsed.data });
  const report = new Reporter(source);
  reportIssues(EnvironmentFile, source.value, parsed.error.issues, report);
  return err(report.problems());
}
