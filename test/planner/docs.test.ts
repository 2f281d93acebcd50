import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { utf8 } from '../../src/base/sha256.ts';
import { readSource } from '../../src/plan/source.ts';
import { holdInterview, talkPlan, WrittenAnswers } from '../../src/planner/interview/interview.ts';
import { checkValue } from '../../src/planner/judge.ts';
import { BEAM_TOOLS, SITE } from './scripted-model.ts';

test('the answers file of docs/planner.md makes a valid plan', async () => {
  const text = readFileSync(new URL('../../docs/planner.md', import.meta.url), 'utf8');
  const block = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)]
    .map(([, inner]) => inner!)
    .find((inner) => inner.startsWith('name:'));
  const source = readSource('answers.yaml', utf8(block!));
  if (!source.ok) throw new Error(JSON.stringify(source.error));
  const written = new WrittenAnswers(source.value.value);
  const { plan } = await holdInterview(
    talkPlan({ tools: BEAM_TOOLS, environment: SITE.environment, name: 'x' }),
    written.ask,
  );
  expect(written.check().ok).toBe(true);
  expect(checkValue(plan, SITE).problems).toEqual([]);
});
