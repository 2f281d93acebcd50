import { expect, test } from 'vitest';
import { isJsonObject, type Json, type JsonObject } from '../../src/base/json.ts';
import { sha256Hex, utf8 } from '../../src/base/sha256.ts';
import { Plan } from '../../src/ir/plan.ts';
import { readSource } from '../../src/plan/source.ts';
import { checkValue } from '../../src/planner/judge.ts';
import { beamDraft } from './drafts.ts';
import { answer, draft, prose, SITE } from './scripted-model.ts';

const NO_POOL = beamDraft({ pools: [] });

test('a good answer is a valid plan in one round', async () => {
  const { outcome } = await draft([answer(beamDraft())]);
  expect(outcome).toMatchObject({ end: 'valid', rounds: 1, complaints: [], error: null });
  expect(outcome.draft?.valid).toBe(true);
  expect(Plan.safeParse(outcome.draft?.plan).success).toBe(true);
  expect(outcome.draft?.yaml).not.toContain('# error:');
});

test('a plan with problems goes back with them, and the next answer is taken', async () => {
  const { outcome, model } = await draft([answer(NO_POOL), answer(beamDraft())]);
  expect(outcome).toMatchObject({ end: 'valid', rounds: 2 });
  expect(model.told(2)).toContain('/pipeline/solve/uses/cores: There is no pool `cores`.');
  expect(model.asked[1]?.messages[0]).toBe(model.asked[0]?.messages[0]);
  expect(outcome.usage).toEqual({ input_tokens: 2000, output_tokens: 1000 });
});

test.each([
  ['prose', prose('Sure, here is a plan: ...'), 'prose instead of a call'],
  ['an empty answer', prose(''), 'The answer is empty'],
  ['a refusal', prose('I cannot help with that.', 'refusal'), 'is a refusal'],
  [
    'a truncated answer',
    answer(null, { input_json: '{"name":"t', stop_reason: 'max_tokens' }),
    'cut off after 500 tokens',
  ],
  ['a truncated answer that is JSON by chance', answer(beamDraft(), { stop_reason: 'max_tokens' }), 'cut off'],
  ['half a JSON text', answer(null, { input_json: '{"name":' }), 'ends'],
  ['a JSON text with a key twice', answer(null, { input_json: '{"name":"a","name":"b"}' }), 'twice'],
  ['a list', answer([1, 2]), 'is a list, not a map'],
  ['numbers that are none', answer(null, { input_json: '{"name":1e999}' }), '1e999'],
])('%s goes to repair with a message that says so', async (_, wrong, said) => {
  const { outcome, model } = await draft([wrong, answer(beamDraft())]);
  expect(outcome).toMatchObject({ end: 'valid', rounds: 2 });
  expect(model.told(2)).toContain(said);
});

test('rounds are bounded, and the last plan stays with its problems at their lines', async () => {
  const wrong = ['mm', 'kgg', 'Nn'].map((unit) =>
    answer(beamDraft({ constants: [{ name: 'load', value: `1 ${unit}x` }] })),
  );
  const { outcome, model } = await draft([...wrong, answer(beamDraft())], { rounds: 3 });
  expect(outcome).toMatchObject({ end: 'exhausted', rounds: 3 });
  expect(model.asked).toHaveLength(3);
  const lines = outcome.draft?.yaml.split('\n') ?? [];
  const at = lines.indexOf('  load: 1 Nnx');
  expect(lines[at - 1]).toMatch(/^ {2}# error: .*Nnx/);
  const source = readSource('x.yaml', utf8(outcome.draft!.yaml));
  expect(source.ok && JSON.stringify(source.value.value)).toBe(JSON.stringify(outcome.draft?.plan));
});

test('the same problems twice in a row end it early', async () => {
  const { outcome, model } = await draft([answer(NO_POOL), answer(NO_POOL), answer(beamDraft())]);
  expect(outcome).toMatchObject({ end: 'repeated', rounds: 2 });
  expect(model.asked).toHaveLength(2);
  expect(outcome.draft?.valid).toBe(false);
});

test('a model that only talks leaves no draft', async () => {
  const { outcome } = await draft([prose('a'), prose('b'), answer(beamDraft())]);
  expect(outcome).toMatchObject({ end: 'repeated', draft: null });
});

test('a model that fails leaves the draft of the rounds before', async () => {
  const { outcome } = await draft([answer(NO_POOL)]);
  expect(outcome).toMatchObject({ end: 'failed', error: { code: 'MODEL_UNAVAILABLE' } });
  expect(outcome.draft?.plan['name']).toBe('tip');
});

test('drafted says who, by which prompt and transcript, and who wrote what', async () => {
  const { outcome, model } = await draft([answer(NO_POOL), answer(beamDraft())]);
  const drafted = Plan.parse(outcome.draft?.plan).drafted;
  expect(drafted?.model).toBe('model-1');
  expect(drafted?.transcript_sha256).toBe(sha256Hex(utf8(outcome.transcript)));
  const transcript = JSON.parse(outcome.transcript) as JsonObject;
  expect(transcript['prompt_sha256']).toBe(drafted?.prompt_sha256);
  expect((transcript['rounds'] as Json[]).length).toBe(2);
  expect(transcript['prompt']).toMatchObject({ messages: model.asked[0]?.messages });
  expect(drafted?.fields).toMatchObject({
    '/expctl': 'default',
    '/goal': 'alice',
    '/variables': 'model',
    '/study/0/design/latin_hypercube/seed': 'default',
    '/study/0/design/latin_hypercube/points': 'model',
  });
});

test('the prompt is the same for the same request, and another for another goal', async () => {
  const [first, again, other] = [await draft([]), await draft([]), await draft([], { goal: 'Stiffest cantilever.' })];
  const digest = ({ outcome }: typeof first) => (JSON.parse(outcome.transcript) as JsonObject)['prompt_sha256'];
  expect(digest(first)).toBe(digest(again));
  expect(digest(first)).not.toBe(digest(other));
});

test("questions and assumptions are the model's, and questions stay open", async () => {
  const { outcome } = await draft([answer(beamDraft({ questions: ['Which steel?'] }))]);
  expect(outcome.end).toBe('valid');
  expect(outcome.draft?.plan['questions']).toEqual([{ text: 'Which steel?', by: 'model' }]);
  expect(outcome.draft?.plan['assumptions']).toEqual([{ text: 'The load acts at the tip.', by: 'model' }]);
  expect(outcome.draft?.problems.map(({ code }) => code)).toContain('OPEN_QUESTION');
});

test('nulls where nothing is meant are nothing', async () => {
  const { outcome } = await draft([answer(beamDraft({ derived: null, budget: { points: 8, calls: null } }))]);
  expect(outcome.end).toBe('valid');
});

/** The plan of a first draft, with what persons have done to it since. */
async function signedBase(): Promise<Plan> {
  const { outcome } = await draft([answer(beamDraft({ questions: ['Which steel?'] }))]);
  const plan = Plan.parse(outcome.draft?.plan);
  const questions = [{ text: 'Which steel?', answer: 'S235', by: 'bob' }];
  const assumptions = [...(plan.assumptions ?? []), { text: 'The wall is rigid.', by: 'bob' }];
  const fields = { ...plan.drafted?.fields, '/metrics': 'bob' };
  return { ...plan, questions, assumptions, drafted: { ...plan.drafted!, fields } };
}

test("from a plan: what stays is its author's, what changes is the model's, answers of persons are kept", async () => {
  const base = await signedBase();
  const changed = beamDraft({
    goal: 'Lightest cantilever of 180 mm.',
    constants: [
      { name: 'load', value: '100 N' },
      { name: 'length', value: '180 mm' },
    ],
    assumptions: ['The wall is rigid.', 'The load acts at the tip.'],
    questions: ['Which length exactly?'],
  });
  const { outcome } = await draft([answer(changed)], { base });
  expect(outcome.end).toBe('valid');
  const plan = Plan.parse(outcome.draft?.plan);
  expect(plan.questions).toEqual([
    { text: 'Which steel?', answer: 'S235', by: 'bob' },
    { text: 'Which length exactly?', by: 'model' },
  ]);
  expect(plan.assumptions?.[0]).toEqual({ text: 'The wall is rigid.', by: 'bob' });
  expect(plan.goal).toBe('Lightest cantilever of 180 mm.');
  expect(plan.drafted?.fields).toMatchObject({
    '/goal': 'model',
    '/metrics': 'bob',
    '/pipeline': 'model',
    '/study/0/design/latin_hypercube/seed': 'default',
    '/expctl': 'default',
  });
});

test("from a plan that persons wrote: only what changes is the model's", async () => {
  const { drafted: _, ...own } = await signedBase();
  const variables = (beamDraft()['variables'] as JsonObject[]).map((each) =>
    each['name'] === 'width' ? { ...each, max: 25 } : each,
  );
  const { outcome } = await draft([answer(beamDraft({ variables }))], { base: own as Plan });
  expect(Plan.parse(outcome.draft?.plan).drafted?.fields).toMatchObject({
    '/goal': 'person',
    '/pipeline': 'person',
    '/variables/width/max': 'model',
    '/variables/width/min': 'person',
    '/variables/height': 'person',
  });
});

test('from a plan with a table: its file may be named, another not', async () => {
  const study = (file: string) => [{ phase: 'explore', design: { table: { file } } }];
  const base = { ...(await signedBase()), study: study('points.csv') } as Plan;
  const kept = await draft([answer(beamDraft({ study: study('points.csv') }))], { base });
  expect(kept.outcome.complaints.map(({ code }) => code)).not.toContain('DRAFT_FILE');
  const other = await draft([answer(beamDraft({ study: study('other.csv') }))], { base });
  expect(other.outcome.complaints.map(({ code }) => code)).toContain('DRAFT_FILE');
});

test('a plan that is checked as a value is checked as the file it will be', () => {
  const { problems } = checkValue({ expctl: 1 }, SITE);
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.every(({ line }) => line >= 1)).toBe(true);
  expect(isJsonObject(problems[0] as unknown)).toBe(true);
});
