import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { parseExpression } from '../ir/expression/parse.ts';
import { closest } from '../ir/expression/suggest.ts';
import type { Problem } from '../ir/problem.ts';
import type { PinnedTool } from '../ir/tools.ts';
import { type CallTest, type CountSpec, type ToolTest, ToolsTestFile } from '../ir/tools-test.ts';
import { type Path, Reporter } from './check/reporter.ts';
import { reportIssues } from './check/schema-issues.ts';
import type { Source } from './source.ts';
import { FILL_IN } from './tools-test-skeleton.ts';

/**
 * Reads the test file of the tools: its schema, and what it says of one tool, by that tool's pin. Every problem is told before anything
 * is called.
 *
 * @returns what it says of the tool; null where it says nothing
 */
export function parseToolsTest(
  source: Source,
  tool: string,
  pinned: PinnedTool,
): Result<ToolTest | null, readonly Problem[]> {
  const report = new Reporter(source);
  const parsed = ToolsTestFile.safeParse(source.value);
  if (!parsed.success) {
    reportIssues(ToolsTestFile, source.value, parsed.error.issues, report);
    return err(report.problems());
  }
  const { tools } = parsed.data;
  const test = Object.hasOwn(tools, tool) ? tools[tool]! : null;
  if (test !== null) new ToolTestCheck(pinned, report).check(test, ['tools', tool]);
  return report.hasErrors ? err(report.problems()) : ok(test);
}

class ToolTestCheck {
  readonly #pinned: PinnedTool;
  readonly #report: Reporter;

  constructor(pinned: PinnedTool, report: Reporter) {
    this.#pinned = pinned;
    this.#report = report;
  }

  check({ setup = {}, calls }: ToolTest, path: Path): void {
    for (const [name, step] of Object.entries(setup)) {
      const here = [...path, 'setup', name];
      this.#checkCall(step.call, [...here, 'call']);
      this.#checkArguments(step.with as JsonObject | undefined, step.call, [...here, 'with']);
      this.#checkExpression(step.until, [...here, 'until']);
    }
    for (const [call, test] of Object.entries(calls)) {
      const here = [...path, 'calls', call];
      if (!this.#checkCall(call, here)) continue;
      this.#checkTest(call, test, here);
      if (test.count !== undefined) this.#checkCount(test.count, [...here, 'count']);
    }
  }

  #checkCall(call: string, path: Path): boolean {
    const known = Object.keys(this.#pinned.calls);
    if (known.includes(call)) return true;
    const near = closest(call, known);
    const fix = near === undefined ? `It has ${known.join(', ')}.` : `Did you mean \`${near}\`?`;
    this.#report.keyError('UNKNOWN_CALL', path, `The tool has no pinned call \`${call}\`.`, fix);
    return false;
  }

  #checkTest(call: string, test: CallTest, path: Path): void {
    const given = test.with as JsonObject | undefined;
    const other = test.other as JsonObject | undefined;
    this.#checkArguments(given, call, [...path, 'with']);
    this.#checkArguments(other, call, [...path, 'other']);
    if (other === undefined) return;
    if (this.#pinned.calls[call]!.effect === 'pure') {
      const message = `\`${call}\` is pure and gets no key, so \`other\` is never sent.`;
      this.#report.keyError('TOOLS_TEST', [...path, 'other'], message, 'Remove `other`.');
    }
    const written = canonicalJson(other);
    if (given === undefined || canonicalJson(given) !== written || written.includes(FILL_IN)) return;
    const message = '`other` is what `with` is.';
    this.#report.error('TOOLS_TEST', [...path, 'other'], message, 'Change an argument that makes another effect.');
  }

  #checkArguments(args: JsonObject | undefined, call: string, path: Path): void {
    if (args === undefined) return;
    const key = Object.hasOwn(this.#pinned.calls, call) ? this.#pinned.calls[call]!.key : null;
    if (key !== null && Object.hasOwn(args, key.argument)) {
      const message = `\`${key.argument}\` carries the key, which is put there for each sending.`;
      this.#report.keyError('TOOLS_TEST', [...path, key.argument], message, 'Remove it.');
    }
    this.#checkValue(args, path);
  }

  #checkValue(value: Json, path: Path): void {
    if (typeof value === 'string') {
      if (value === FILL_IN) {
        this.#report.error('TOOLS_TEST', path, 'This is not filled in yet.', 'Write an argument that works.');
      } else if (value.startsWith('=') && !value.startsWith('==')) {
        this.#checkExpression(value.slice(1), path, 1);
      }
    } else if (Array.isArray(value)) {
      for (const [at, item] of value.entries()) this.#checkValue(item, [...path, at]);
    } else if (isJsonObject(value)) {
      for (const [name, item] of Object.entries(value)) this.#checkValue(item, [...path, name]);
    }
  }

  #checkExpression(text: string | undefined, path: Path, before = 0): void {
    if (text === undefined) return;
    const parsed = parseExpression(text);
    if (parsed.ok) return;
    const { offset, message, hint } = parsed.error;
    this.#report.errorIn('EXPRESSION', path, offset + before, message, hint);
  }

  #checkCount(count: CountSpec, path: Path): void {
    const ways = (['call', 'files', 'lines'] as const).filter((way) => count[way] !== undefined);
    if (ways.length !== 1) {
      const message = `\`count\` says ${ways.length === 0 ? 'nothing' : `${ways.join(' and ')}`}.`;
      this.#report.error('TOOLS_TEST', path, message, 'Write exactly one of `call`, `files` and `lines`.');
      return;
    }
    const { call, value } = count;
    if (call === undefined) {
      for (const word of ['with', 'value'] as const) {
        if (count[word] === undefined) continue;
        const message = `\`${word}\` goes with \`call\`.`;
        this.#report.keyError('TOOLS_TEST', [...path, word], message, 'Remove it.');
      }
      return;
    }
    this.#checkExpression(value, [...path, 'value']);
    this.#checkArguments(count.with as JsonObject | undefined, call, [...path, 'with']);
    if (!this.#checkCall(call, [...path, 'call']) || this.#pinned.calls[call]!.effect === 'pure') return;
    const message = `\`${call}\` is not declared \`pure\`: counting would change what is counted.`;
    this.#report.error('TOOLS_TEST', [...path, 'call'], message, 'Name a pure call.');
  }
}
