import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { differenceOf, type Volatile } from '../../src/conformance/compare.ts';
import { type Baseline, baselineOf, type Grounds, judge } from '../../src/conformance/judge.ts';
import type { ConformanceCase, Heard, Observation, Sending, Verdict } from '../../src/ir/conformance.ts';

/* What follows from what was observed: pure, so every rule is shown on observations that are written here. */

const STEADY: Volatile = { pointers: [], files: [] };

const answer = (value: Json, sha256 = 'x'): Heard => ({
  kind: 'answer',
  answer: value,
  files: [{ name: 'log', sha256 }],
});
const refusal = (message = 'no'): Heard => ({ kind: 'failure', class: 'tool_failed', message });
const broken: Heard = { kind: 'failure', class: 'tool_broken', message: 'Nothing was sent.' };
const died: Heard = { kind: 'lost', reason: 'died', message: 'It ended.' };
const silent: Heard = { kind: 'lost', reason: 'timeout', message: 'No answer within 1 s.' };

const sent = (key: string | null, heard: Heard): Sending => ({
  key,
  arguments: 'given',
  fault: null,
  heard,
  unheard: null,
});
const lost = (key: string | null, unheard: Heard | null): Sending => ({
  ...sent(key, silent),
  fault: 'drop_answer',
  unheard,
});
const other = (key: string, heard: Heard): Sending => ({ ...sent(key, heard), arguments: 'other' });

const by = (baseline: Baseline, effect: Grounds['effect'] = 'by_key', volatile = STEADY): Grounds => ({
  effect,
  volatile,
  baseline,
});
const ANSWERS = by({ answers_tell: true, per_key: null });
const COUNT = by({ answers_tell: false, per_key: 1 });
const BOTH = by({ answers_tell: true, per_key: 1 });
const NEITHER = by({ answers_tell: false, per_key: null });
const PURE = by({ answers_tell: true, per_key: 0 }, 'pure');

function seen(name: ConformanceCase, sendings: readonly Sending[], ...counts: number[]): Observation {
  return { case: name, sendings, counts };
}

const [one, two] = [answer({ job: 1 }), answer({ job: 2 })];

describe('what the undisturbed case teaches', () => {
  const ok = (first: Heard, second: Heard, ...counts: number[]) =>
    baselineOf(seen('ok', [sent('A', first), sent('B', second)], ...counts), 'by_key', STEADY);

  test.each<[string, Baseline, Baseline]>([
    ['another key, another answer', ok(one, two), { answers_tell: true, per_key: null }],
    ['another key, the same answer', ok(one, one), { answers_tell: false, per_key: null }],
    ['each key adds one', ok(one, one, 5, 6, 7), { answers_tell: false, per_key: 1 }],
    ['each key adds two', ok(one, one, 5, 7, 9), { answers_tell: false, per_key: 2 }],
    ['the effect is that of the arguments', ok(one, one, 5, 6, 6), { answers_tell: false, per_key: 0 }],
    ['a count that never moves counts something else', ok(one, one, 5, 5, 5), { answers_tell: false, per_key: null }],
    ['a count that is not steady', ok(one, one, 5, 6, 9), { answers_tell: false, per_key: null }],
    ['a failure is no answer', ok(one, refusal()), { answers_tell: false, per_key: null }],
  ])('%s', (_, baseline, expected) => expect(baseline).toEqual(expected));

  test('a pure call adds nothing', () => {
    const looked = seen('ok', [sent(null, one), sent(null, one)], 5, 5, 5);
    expect(baselineOf(looked, 'pure', STEADY)).toEqual({ answers_tell: true, per_key: 0 });
  });
});

const LOST = 'execute_then_timeout';
const TWICE = 'duplicate_delivery';
const OTHER = 'same_key_other_arguments';
const otherwise = (given: Heard, taken: Heard, again: Heard, control: Heard) => [
  sent('A', given),
  other('A', taken),
  sent('A', again),
  other('B', control),
];

test.each<[string, Observation, Grounds, Verdict, RegExp]>([
  // One effect, and what else
  ['equal answers', seen(LOST, [lost('A', one), sent('A', one)]), ANSWERS, 'holds', /^1 key, equal answers/],
  ['unequal answers', seen(LOST, [lost('A', one), sent('A', two)]), ANSWERS, 'refuted', /\/job was 1, then 2/],
  [
    'unequal answers, and the count stays',
    seen(LOST, [lost('A', one), sent('A', two)], 3, 4),
    BOTH,
    'refuted',
    /then 2/,
  ],
  ['one added', seen(LOST, [lost('A', one), sent('A', one)], 3, 4), COUNT, 'holds', /1 added to the count/],
  ['two added', seen(LOST, [lost('A', one), sent('A', one)], 3, 5), COUNT, 'refuted', /added 2 .*more than once/],
  ['none added', seen(LOST, [lost('A', one), sent('A', one)], 3, 3), COUNT, 'refuted', /without acting/],
  [
    'three keys, three added',
    seen(
      TWICE,
      ['A', 'B', 'C'].map((key) => sent(key, one)),
      3,
      6,
    ),
    COUNT,
    'holds',
    /3 keys/,
  ],
  [
    'three keys, four added',
    seen(
      TWICE,
      ['A', 'B', 'C'].map((key) => sent(key, one)),
      3,
      7,
    ),
    COUNT,
    'refuted',
    /added 4/,
  ],
  // J2: nothing that could have shown the contrary
  ['answers that tell nothing', seen(LOST, [lost('A', one), sent('A', one)]), NEITHER, 'cannot_be_told', /`count`/],
  ['one answer alone', seen(LOST, [lost('A', null), sent('A', one)]), ANSWERS, 'cannot_be_told', /no answer was seen/],
  ['one answer alone, but a count', seen(LOST, [lost('A', null), sent('A', one)], 3, 4), COUNT, 'holds', /1 added/],
  ['only one was delivered', seen('fail_before', [lost('A', null), sent('A', one)]), NEITHER, 'holds', /equal answers/],
  // Failures and silence
  [
    'refused the second time',
    seen(LOST, [lost('A', one), sent('A', refusal())]),
    ANSWERS,
    'refuted',
    /retry would act/,
  ],
  [
    'refused while the other is at work',
    seen(TWICE, [sent('A', one), sent('A', refusal())]),
    ANSWERS,
    'refuted',
    /retry/,
  ],
  [
    'refused, and never acted',
    seen('fail_before', [lost('A', null), sent('A', refusal())]),
    ANSWERS,
    'cannot_be_told',
    /no$/,
  ],
  [
    'refused after it was killed',
    seen('killed_midway', [lost('A', null), sent('A', refusal())], 3, 3),
    COUNT,
    'refuted',
    /retry/,
  ],
  ['nothing was sent', seen(LOST, [lost('A', one), sent('A', broken)]), ANSWERS, 'cannot_be_told', /Nothing was sent/],
  [
    'ends on a known key',
    seen(LOST, [lost('A', one), ...[1, 2, 3].map(() => sent('A', died))]),
    ANSWERS,
    'refuted',
    /ends instead/,
  ],
  [
    'lost once, then answered',
    seen(LOST, [lost('A', one), sent('A', died), sent('A', one)]),
    ANSWERS,
    'holds',
    /equal/,
  ],
  [
    'never in time',
    seen(LOST, [lost('A', one), ...[1, 2, 3].map(() => sent('A', silent))]),
    ANSWERS,
    'cannot_be_told',
    /in time/,
  ],
  ['failed unheard', seen(LOST, [lost('A', refusal('busy')), sent('A', one)]), ANSWERS, 'cannot_be_told', /busy/],
  // Somebody else
  [
    'a count that moves by itself',
    seen('fail_before', [lost('A', null), sent('A', one)], 3, 4, 5),
    COUNT,
    'cannot_be_told',
    /somebody else/,
  ],
  [
    'a count that is not steady',
    seen('ok', [sent('A', one), sent('B', two)], 3, 4, 9),
    ANSWERS,
    'cannot_be_told',
    /not steady/,
  ],
  ['works', seen('ok', [sent('A', one), sent('B', two)], 3, 4, 5), BOTH, 'holds', /Two keys, two answers, 2 added/],
  [
    'does not work',
    seen('ok', [sent('A', one), sent('B', refusal('wrong size'))]),
    ANSWERS,
    'cannot_be_told',
    /wrong size/,
  ],
  // Pure
  ['asked twice', seen(LOST, [lost(null, one), sent(null, one)], 3, 3), PURE, 'holds', /nothing added/],
  ['acts when asked', seen(LOST, [lost(null, one), sent(null, one)], 3, 4), PURE, 'refuted', /from 3 to 4: it acts/],
  ['another answer', seen('ok', [sent(null, one), sent(null, two)]), PURE, 'refuted', /the same question/],
  ['refused when asked again', seen(LOST, [lost(null, one), sent(null, refusal())]), PURE, 'refuted', /Sent again/],
  // Other arguments
  [
    'refused',
    seen(OTHER, otherwise(one, refusal('known key'), one, two), 3, 4, 5),
    BOTH,
    'holds',
    /Refused: known key/,
  ],
  ['taken', seen(OTHER, otherwise(one, two, one, two)), ANSWERS, 'refuted', /took other arguments .*"job":2/],
  ['given the old answer', seen(OTHER, otherwise(one, one, one, two)), ANSWERS, 'refuted', /took other arguments/],
  ['refused, but acted', seen(OTHER, otherwise(one, refusal(), one, two), 3, 5, 6), COUNT, 'refuted', /added 2/],
  [
    'refused, and the key is spoilt',
    seen(OTHER, otherwise(one, refusal(), refusal('gone'), two)),
    ANSWERS,
    'refuted',
    /gone/,
  ],
  [
    'refused whatever the key',
    seen(OTHER, otherwise(one, refusal(), one, refusal('bad size'))),
    ANSWERS,
    'cannot_be_told',
    /bad size/,
  ],
  ['died of it', seen(OTHER, otherwise(one, died, one, two)), ANSWERS, 'cannot_be_told', /Instead of a refusal/],
])('%s', (_, observation, grounds, verdict, why) => {
  const judgement = judge(observation, grounds);
  expect(judgement).toMatchObject({ verdict, why: expect.stringMatching(why) as unknown });
});

test('a verdict says what it rests on', () => {
  const observation = seen(LOST, [lost('A', one), sent('A', one)], 3, 4);
  expect(judge(observation, BOTH).evidence).toEqual(['answers', 'count']);
  expect(judge(observation, COUNT).evidence).toEqual(['count']);
  expect(judge(observation, NEITHER).evidence).toEqual([]);
});

describe('answers are compared', () => {
  const volatile = (...pointers: string[]): Volatile => ({ pointers, files: [] });
  const compare = (first: Json, second: Json, what = STEADY) =>
    differenceOf({ answer: first, files: [] }, { answer: second, files: [] }, what);

  test.each<[string, Json, Json, Volatile, string | null]>([
    ['the order of keys is none', { a: 1, b: 2 }, { b: 2, a: 1 }, STEADY, null],
    ['a member that changed', { a: { b: 1 } }, { a: { b: 2 } }, STEADY, '/a/b was 1, then 2'],
    ['a member that came', { a: 1 }, { a: 1, b: 2 }, STEADY, '/b was not there, then 2'],
    ['a member that went', { a: 1, b: 2 }, { a: 1 }, STEADY, '/b was 2, then not there'],
    ['a list that grew', { a: [1] }, { a: [1, 2] }, STEADY, '/a was [1], then [1,2]'],
    ['a name with a slash', { 'a/b~': 1 }, { 'a/b~': 2 }, STEADY, '/a~1b~0 was 1, then 2'],
    ['the whole', 1, 'x', STEADY, 'it was 1, then "x"'],
    ['what is volatile', { time: 1, a: 1 }, { time: 2, a: 1 }, volatile('/time'), null],
    ['what is volatile alone', { time: 1, a: 1 }, { time: 2, a: 2 }, volatile('/time'), '/a was 1, then 2'],
    ['in every item', [{ t: 1, a: 1 }], [{ t: 2, a: 1 }], volatile('/*/t'), null],
    ['an item', [1, 2], [3, 2], volatile('/0'), null],
    ['by an escaped name', { 'a/b': 1 }, { 'a/b': 2 }, volatile('/a~1b'), null],
  ])('%s', (_, first, second, what, expected) => expect(compare(first, second, what)).toBe(expected));

  test('and files by their bytes, unless they are volatile', () => {
    const [first, second] = [answer(1, 'x'), answer(1, 'y')] as Extract<Heard, { kind: 'answer' }>[];
    expect(differenceOf(first!, second!, STEADY)).toBe('the file log has other bytes');
    expect(differenceOf(first!, second!, { pointers: [], files: ['log'] })).toBeNull();
    expect(differenceOf(first!, second!, { pointers: [], files: ['*'] })).toBeNull();
    expect(differenceOf(first!, { answer: 1, files: [] }, STEADY)).toBe('the file log was there, then it was not');
    expect(differenceOf({ answer: 1, files: [] }, first!, STEADY)).toBe('the file log was not there, then it was');
  });
});
