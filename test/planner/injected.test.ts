import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { utf8 } from '../../src/base/sha256.ts';
import { LOCAL_ENVIRONMENT } from '../../src/ir/environment.ts';
import { readSource } from '../../src/plan/source.ts';
import { parseToolsLock } from '../../src/plan/tools-files.ts';
import { judgeAnswer, type Site } from '../../src/planner/judge.ts';
import { planYaml } from '../../src/planner/plan-yaml.ts';
import { INJECTED } from './injected.ts';

const lock = parseToolsLock(readFileSync(new URL('../plan/fixtures/beam.tools.lock.json', import.meta.url)));
if (!lock.ok) throw lock.error;
const opened: string[] = [];
const site: Site = {
  tools: lock.value,
  environment: LOCAL_ENVIRONMENT,
  file: (path) => {
    opened.push(path);
    return undefined;
  },
};
const context = { goal: 'Lightest cantilever.', person: 'person', base: null };

test.each(INJECTED)('SEC-01 $name', ({ draft, code, visible }) => {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const answer = {
    text: '',
    input_json: JSON.stringify(draft),
    stop_reason: 'tool_use',
    model: 'm',
    request_id: null,
    usage,
  };
  const { drafted, complaints } = judgeAnswer(answer, context, site);
  if (code !== null) {
    expect(complaints.map((each) => each.code)).toContain(code);
    return;
  }
  expect(complaints).toEqual([]);
  const text = planYaml(drafted!.plan);
  expect(text).toContain(visible);
  expect(text).not.toMatch(/[\p{Cf}\p{Co}]/u);
  const read = readSource('x.yaml', utf8(text));
  expect(read.ok && JSON.stringify(read.value.value)).toBe(JSON.stringify(drafted!.plan));
  expect(Object.keys(drafted!.plan)).not.toContain('tools');
});

test('no draft makes expctl open a file', () => {
  expect(opened.filter((path) => path.startsWith('/') || path.startsWith('..'))).toEqual([]);
});
