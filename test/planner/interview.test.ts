import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json, JsonObject } from '../../src/base/json.ts';
import type { Answer, Question } from '../../src/ir/drafting.ts';
import type { ToolsLock } from '../../src/ir/tools.ts';
import { argumentFields, answerFields, offeredCalls, unitIn } from '../../src/planner/interview/fields.ts';
import { holdInterview, talkPlan, WrittenAnswers } from '../../src/planner/interview/interview.ts';
import { Names, notConstant, notNumber } from '../../src/planner/interview/talk.ts';
import { checkValue } from '../../src/planner/judge.ts';
import { planYaml } from '../../src/planner/plan-yaml.ts';
import { assertGolden } from '../golden.ts';
import { BEAM_ANSWERS } from './interview-answers.ts';
import { BEAM_TOOLS, SITE } from './scripted-model.ts';

const INPUT = { tools: BEAM_TOOLS, environment: SITE.environment, name: 'My Project' };

async function interview(answers: Readonly<Record<string, Json>>, tools: ToolsLock = BEAM_TOOLS) {
  const asked: Question[] = [];
  const written = new WrittenAnswers({ ...answers });
  const held = await holdInterview(talkPlan({ ...INPUT, tools }), async (question) => {
    asked.push(question);
    return written.ask(question);
  });
  return { ...held, asked, left: written.check() };
}

test('the plan, whole, from a few answers and the defaults; check takes it', async () => {
  const { plan, left } = await interview(BEAM_ANSWERS);
  expect(left.ok).toBe(true);
  expect(checkValue(plan, SITE).problems).toEqual([]);
  assertGolden('planner/interview.plan.yaml', planYaml(plan));
});

test('every question of that interview, with its default', async () => {
  const { asked } = await interview(BEAM_ANSWERS);
  const lines = asked.map(
    ({ id, message, kind, default: fallback }) => `${id} (${kind}): ${message} [${String(fallback ?? '')}]`,
  );
  assertGolden('planner/interview.questions.txt', `${lines.join('\n')}\n`);
});

test('the answers that are kept make the same plan again', async () => {
  const first = await interview(BEAM_ANSWERS);
  const again = await interview(first.answers);
  expect(again.plan).toEqual(first.plan);
  expect(again.left.ok).toBe(true);
});

test('maps within maps are the same as names with dots', async () => {
  const { 'cad.params.b.min': min, 'cad.params.b.max': max, 'cad.params.b.name': name, ...rest } = BEAM_ANSWERS;
  const nested = await interview({ ...rest, cad: { 'params.b': { min: min!, max: max!, name: name! } } });
  expect(nested.plan).toEqual((await interview(BEAM_ANSWERS)).plan);
});

test.each<[string, JsonObject, string]>([
  ['a call that is not pinned', { 'call.1': 'beam/shell' }, 'It is one of `beam/cad.modify`'],
  ['a name with a blank', { 'cad.params.b.name': 'my width' }, 'A name is a letter'],
  ['a name that is taken', { 'cad.params.h.name': 'width' }, '`width` is taken'],
  ['a name with a meaning of its own', { 'cad.params.b.name': 'best' }, '`best` is taken'],
  ['a word where a number belongs', { 'cad.params.b.min': 'five' }, 'Write a number'],
  ['a bound that the contract refuses', { 'cad.params.b.min': -1 }, 'It must be > 0'],
  ['bounds the wrong way round', { 'cad.params.b.max': 4 }, 'It is more than 5'],
  ['a unit that is none', { 'cad.params.b.unit': 'mmm' }, 'mmm'],
  ['a value that the contract refuses', { 'mesh.size.value': 0 }, 'It must be > 0'],
  ['an expression that is none', { 'outcome_constraint.1': 'deflection <=' }, 'outcome_constraint.1'],
  ['an expression with its sign', { 'constraint.1': '=length > 2' }, 'without the `=`'],
  ['points that are no number of points', { points: 0 }, 'Write a whole number from 1'],
  ['a pool smaller than its use', { 'solve.tokens': 4, 'pool.cores': 2 }, 'solve needs 4'],
  ['a step that is none', { resources: ['nowhere'] }, '`nowhere` is none of'],
  ['a name of the plan with a path in it', { name: '../x' }, 'small letters'],
])('%s is refused with the question', async (_, changes, said) => {
  const failed = await interview({ ...BEAM_ANSWERS, ...changes }).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 'USAGE' });
  const { message, hint } = failed as { message: string; hint: string };
  expect(`${message} ${hint}`).toContain(said);
});

test('a missing answer without a default names the id and the choices', async () => {
  const { 'call.1': _, ...rest } = BEAM_ANSWERS;
  await expect(interview(rest)).rejects.toMatchObject({
    message: 'The answers do not say `call.1`.',
    hint: expect.stringContaining('beam/mesh.generate') as string,
  });
});

test('an answer to no question is named', async () => {
  const { left } = await interview({ ...BEAM_ANSWERS, 'cad.params.width.min': 5 });
  expect(left.ok ? '' : left.error.message).toContain('`cad.params.width.min`');
});

test('kinds of variables and constants, booleans, expressions and texts that begin with =', async () => {
  const lock = structuredClone(BEAM_TOOLS);
  const number = { type: 'number', description: 'in kN' };
  const properties = {
    grade: { type: 'string', enum: ['S235', 'S355'] },
    count: { type: 'integer' },
    ratio: number,
    hot: { type: 'boolean' },
    note: { type: 'string' },
    sum: number,
    spare: number,
  };
  const input = { type: 'object', properties, required: ['grade', 'count', 'ratio', 'hot', 'note', 'sum'] };
  lock.tools['beam']!.calls = {
    probe: {
      ...lock.tools['beam']!.calls['solve.fetch']!,
      input,
      answer: { type: 'object', properties: { x: number } },
    },
  };
  const { plan } = await interview(
    {
      name: 'kinds',
      goal: 'Kinds.',
      'call.1': 'beam/probe',
      'probe.grade': 'new variable',
      'probe.count.type': 'integer',
      'probe.count.unit': '',
      'probe.count.min': 1,
      'probe.count.max': 3,
      'probe.ratio.type': 'ordered',
      'probe.ratio.values': '3, 1, 2',
      'probe.hot.value': false,
      'probe.note.value': '=not an expression',
      'probe.sum': 'expression',
      'probe.sum.expression': 'ratio * 2',
      design: 'full_factorial',
      levels: 2,
    },
    lock,
  );
  expect(plan).toMatchObject({
    variables: {
      grade: { type: 'choice', values: ['S235', 'S355'] },
      count: { type: 'integer', min: 1, max: 3 },
      ratio: { type: 'ordered', unit: 'kN', values: [1, 2, 3] },
    },
    pipeline: {
      probe: { with: { grade: '=grade', count: '=count', hot: false, note: '==not an expression', sum: '=ratio * 2' } },
    },
    study: [{ design: { full_factorial: { levels: 2 } } }],
  });
  expect(checkValue(plan, { ...SITE, tools: lock }).problems.filter(({ severity }) => severity === 'error')).toEqual(
    [],
  );
});

test('a quantity in another unit than the call takes is converted', async () => {
  const { plan } = await interview({ ...BEAM_ANSWERS, 'solve.submit.load.value': '0.1 kN', 'cad.params.b.unit': 'cm' });
  expect(plan['pipeline']).toMatchObject({
    cad: { with: { params: { b: { value: '=width', unit: 'mm' }, h: '=height', L: '=length' } } },
    solve: { job: { submit: { with: { load: { value: '=load', unit: 'N' } } } } },
  });
  expect(checkValue(plan, SITE).problems).toEqual([]);
});

test('a job whose state is told in free words is asked for conditions', async () => {
  const lock = structuredClone(BEAM_TOOLS);
  lock.tools['beam']!.calls['solve.wait']!.answer = { type: 'object', properties: { percent: { type: 'number' } } };
  const { plan } = await interview(
    { ...BEAM_ANSWERS, 'solve.until': 'percent >= 100', 'solve.fetch': 'beam/solve.fetch' },
    lock,
  );
  const solve = (plan['pipeline'] as JsonObject)['solve'] as { job: { poll: JsonObject } };
  expect(solve.job.poll).toMatchObject({ until: 'percent >= 100' });
  expect(solve.job.poll['expect']).toBeUndefined();
});

test('only a call whose answer another one takes can be a job', async () => {
  const { asked } = await interview(BEAM_ANSWERS);
  expect(asked.filter(({ id }) => id.endsWith('.job')).map(({ id }) => id)).toEqual(['solve.job']);
});

test('contracts: the key is no argument, the probe is no call, nested arguments are asked one by one', () => {
  const calls = offeredCalls(BEAM_TOOLS);
  expect(calls.map(({ name }) => name)).not.toContain('beam/version');
  expect(argumentFields(calls[0]!).map(({ path }) => path.join('.'))).toEqual([
    'design_id',
    'params.b',
    'params.h',
    'params.L',
  ]);
  expect(answerFields(calls[0]!).map(({ path, kind }) => `${path.join('.')} ${kind}`)).toEqual([
    'cad_rev_id string',
    'volume_mm3 number',
  ]);
});

test.each([
  ['width in mm', 'mm'],
  ['kg', 'kg'],
  ["Young's modulus in MPa", 'MPa'],
  ['mean of the tip face downwards, mm', 'mm'],
  ['density in kg/m^3', 'kg/m^3'],
  ["Poisson's ratio", ''],
  ['', ''],
])('the unit in %j is %j', (description, unit) => expect(unitIn(description)).toBe(unit));

test('proposed names are free names, whatever the text', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom('in', 'true', 'best', 'x', 'null', '__proto__')), {
        maxLength: 20,
      }),
      (texts) => {
        const names = new Names();
        for (const text of texts) {
          const name = names.like(text);
          expect(names.problem(name)).toBeNull();
          names.take(name);
        }
      },
    ),
  );
});

test('whatever is answered, the interview ends, and its plan is checked or refused, never a crash', async () => {
  const plans: JsonObject[] = [];
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat({ max: 1000 })), async (choices) => {
      const pick = (count: number): number => Number(choices.next().value) % Math.max(1, count);
      const ask = async (question: Question): Promise<Answer> => answerAtRandom(question, pick);
      const held = await holdInterview(talkPlan(INPUT), ask).catch((error: unknown) => error);
      if (held instanceof Error) {
        expect(held).toMatchObject({ code: 'USAGE' });
        return;
      }
      plans.push((held as { plan: JsonObject }).plan);
      expect(() => checkValue(plans.at(-1)!, SITE)).not.toThrow();
    }),
    { numRuns: 40 },
  );
  expect(plans.length).toBeGreaterThan(4);
}, 120_000);

function answerAtRandom(question: Question, pick: (count: number) => number): Answer {
  switch (question.kind) {
    case 'yes':
      return pick(2) === 0;
    case 'choice':
      // Mostly an end of what could go on for ever.
      return question.id.startsWith('call.') && pick(3) === 0
        ? question.choices[0]!.value
        : question.choices[pick(question.choices.length)]!.value;
    case 'many':
      return question.choices
        .slice(0, Math.max(question.at_least, pick(question.choices.length + 1)))
        .map(({ value }) => value);
    case 'text': {
      const words = [
        question.default ?? '',
        '',
        `n${pick(100_000)}`,
        '2',
        '3',
        '7',
        '2h',
        '10 mm',
        'x > 1',
        '["mass"]',
        '100',
        '1000',
      ];
      const good = words.filter((word) => question.problem(word) === null);
      if (good.length === 0) return String(50 + pick(900));
      return good[pick(good.length)]!;
    }
  }
}

test('numbers and quantities', () => {
  for (const text of ['1', '-2.5', '.5', '1e3', '+4']) expect(notNumber(text)).toBeNull();
  for (const text of ['', 'x', '1e999', '0x10', '1,5', 'NaN']) expect(notNumber(text)).not.toBeNull();
  for (const text of ['100 N', '7850 kg/m^3', 'steel', '0.3']) expect(notConstant(text)).toBeNull();
  for (const text of ['', '100 Nn']) expect(notConstant(text)).not.toBeNull();
});
