import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import type { PointFact } from '../../src/ir/events.ts';
import type { LockedStep } from '../../src/ir/lock.ts';
import { ImpossibleFact } from '../../src/kernel/impossible.ts';
import { pollEnded, stepPoint } from '../../src/kernel/point.ts';
import { assertGolden } from '../golden.ts';
import { JOB, makeCall, makeLock, makeStep, OnePoint } from './support.ts';

/** A point whose only step is the given one, with a metric taken from it. */
function single(changes: Partial<LockedStep>, metric = '=solve.mass', more: Parameters<typeof makeLock>[0] = {}) {
  const metrics = [{ name: 'mass', value: metric, unit: 'kg', plausible: null, description: '' }];
  return new OnePoint(makeLock({ pipeline: [makeStep('solve', changes)], metrics, ...more }).program);
}

function resultOf(point: OnePoint) {
  const ended = point.records.find((record) => record.type === 'point.ended');
  return ended?.type === 'point.ended' ? ended.result : undefined;
}

describe('whole transcripts', () => {
  test('a straight pipeline', () => {
    const pipeline = [
      makeStep('post', { needs: ['mesh'], call: makeCall('t/post', { with: { mesh: '=mesh.id', of: '==x' } }) }),
      makeStep('mesh', {
        call: makeCall('t/mesh', { with: { size: { value: '=load', unit: 'kN' }, all: ['=x', 1] } }),
      }),
    ];
    const metrics = [{ name: 'mass', value: '=post.mass', unit: 'kg', plausible: null, description: '' }];
    const point = new OnePoint(makeLock({ pipeline, metrics }).program);
    point.answer('mesh', { id: 'm-1' }).answer('post', { mass: -0 });
    assertGolden('kernel/straight.txt', point.text);
  });

  test('a job with its polls', () => {
    const point = single({ job: JOB });
    point.answer('solve', { id: 'j-1' }).answer('solve', { status: 'done' }).answer('solve', { mass: 2 });
    assertGolden('kernel/job.txt', point.text);
  });

  test('retries double their back-off', () => {
    const retry = { attempts: 5, backoff_s: 10, on: ['transient'] };
    const point = single({ retry });
    for (const attempt of [1, 2, 3]) point.fail('solve', 'transient', attempt).fire(`retry:solve:${attempt}`);
    point.fail('solve', 'tool_failed', 4);
    assertGolden('kernel/retry.txt', point.text);
  });

  test('a job that does not end by its deadline', () => {
    const point = single({ job: JOB, uses: {} });
    point.answer('solve', { id: 'j-1' }).fire('deadline:solve:1');
    assertGolden('kernel/deadline.txt', point.text);
  });

  test('a step that is not wanted, and what needs it', () => {
    const pipeline = [
      makeStep('a', { when: 'x > 1' }),
      makeStep('b', { needs: ['a'] }),
      makeStep('c', { needs: ['b'], when: 'true' }),
      makeStep('d', { when: 'x == 1' }),
    ];
    const metrics = [{ name: 'mass', value: '=d.mass', unit: 'kg', plausible: null, description: '' }];
    const point = new OnePoint(makeLock({ pipeline, metrics }).program).answer('d', { mass: 3 });
    assertGolden('kernel/skip.txt', point.text);
  });

  test('pause and resume while a call and a poll are out', () => {
    const pipeline = [makeStep('call'), makeStep('job', { job: JOB }), makeStep('next', { needs: ['call'] })];
    const point = new OnePoint(makeLock({ pipeline, metrics: [] }).program).answer('job', { id: 'j-1' });
    point.take({ type: 'point.paused' }).answer('call').take({ type: 'point.resumed' });
    point.answer('job', { status: 'done' }).answer('next').answer('job', {});
    assertGolden('kernel/pause.txt', point.text);
  });

  test('cancelled while one step is out, one waits for tokens, one backs off', () => {
    const retry = { attempts: 2, backoff_s: 10, on: ['transient'] };
    const pipeline = [makeStep('out'), makeStep('wanting', { uses: { cores: 1 } }), makeStep('backing', { retry })];
    const point = new OnePoint(makeLock({ pipeline, metrics: [], pools: { cores: 1 } }).program);
    point.fail('backing', 'transient').take({ type: 'point.cancelled' }).answer('out');
    assertGolden('kernel/cancel.txt', point.text);
  });
});

describe('attempts', () => {
  test('back-off is doubled and ends at an hour', () => {
    const point = single({ retry: { attempts: 20, backoff_s: 7, on: ['transient'] } });
    const waits = Array.from({ length: 12 }, (_, index) => {
      point.fail('solve', 'transient', index + 1);
      const [failed] = point.records;
      point.fire(`retry:solve:${index + 1}`);
      return failed?.type === 'step.failed' ? failed.again_in_s : undefined;
    });
    expect(waits).toEqual([7, 14, 28, 56, 112, 224, 448, 896, 1792, 3584, 3600, 3600]);
  });

  test('the last attempt fails the point', () => {
    const point = single({ retry: { attempts: 2, backoff_s: 1, on: ['transient'] } });
    point.fail('solve', 'transient', 1).fire('retry:solve:1').fail('solve', 'transient', 2);
    expect(resultOf(point)).toMatchObject({ status: 'failed', calls: 2, failure: { class: 'transient' } });
  });

  test.each([
    ['unknown_outcome', 'by_key', 'ended'],
    ['timeout', 'once', 'ended'],
    ['unknown_outcome', 'pure', 'backing_off'],
    ['timeout', 'pure', 'backing_off'],
  ] as const)('K4: after %s of a %s call the point has %s', (failure, effect, expected) => {
    const retry = { attempts: 3, backoff_s: 1, on: ['unknown_outcome', 'timeout'] };
    const point = single({ retry, call: makeCall('t/solve', { effect }) }).fail('solve', failure);
    expect(point.state?.ended ? 'ended' : point.status('solve')).toBe(expected);
  });

  test('K4: a job that cannot be asked after is not submitted again, one whose fetch broke is', () => {
    const retry = { attempts: 3, backoff_s: 1, on: ['tool_broken'] };
    const lost = single({ job: JOB, retry }).answer('solve', { id: 'j' }).fail('solve', 'tool_broken');
    expect(resultOf(lost)).toMatchObject({ status: 'failed', failure: { class: 'tool_broken' } });
    const fetched = single({ job: JOB, retry }).answer('solve', { id: 'j' }).answer('solve', { status: 'done' });
    expect(fetched.fail('solve', 'tool_broken').status('solve')).toBe('backing_off');
  });

  test('a new attempt of a job begins with submit and forgets the answers of the last', () => {
    const retry = { attempts: 2, backoff_s: 1, on: ['unexpected'] };
    const point = single({ job: JOB, retry }).answer('solve', { id: 'j-1' }).answer('solve', { status: 'failed' });
    point.fire('retry:solve:1');
    expect(point.records).toMatchObject([{ type: 'effect.intended', part: 'submit', attempt: 2 }]);
    point.answer('solve', { id: 'j-2' }, 2);
    expect(point.records).toMatchObject([{ part: 'poll', attempt: 2, arguments: { id: 'j-2' } }]);
  });

  test('a condition that cannot be told fails once, whatever `retry` says', () => {
    const retry = { attempts: 3, backoff_s: 1, on: ['unexpected'] };
    const point = single({ when: "x > 'a'", retry });
    expect(point.records.map((record) => record.type)).toEqual(['step.failed', 'point.ended']);
    expect(point.records[0]).toMatchObject({ class: 'unexpected', again_in_s: null });
  });
});

describe('answers', () => {
  const failing: [string, Partial<LockedStep>, Json, string, RegExp][] = [
    [
      'expect',
      { call: makeCall('t/s', { expect: ['mass > load / load'] }) },
      { mass: 0 },
      'unexpected',
      /does not hold/,
    ],
    ['an expect in error', { call: makeCall('t/s', { expect: ['nothing > 1'] }) }, {}, 'unexpected', /cannot be told/],
    ['no JSON', { call: makeCall('t/s', { parse: 'json' }) }, { result: '{' }, 'unexpected', /not JSON: \{/],
    ['no text', { call: makeCall('t/s', { parse: 'json' }) }, { result: 1 }, 'unexpected', /no text/],
    ['an integer past 2^53', {}, { mass: 2 ** 53 }, 'bad_metric', /past 2\^53/],
    [
      'an infinity in a text',
      { call: makeCall('t/s', { parse: 'json' }) },
      '{"a":[1e999]}',
      'bad_metric',
      /not finite/,
    ],
    [
      'deep nesting',
      { call: makeCall('t/s', { parse: 'json' }) },
      `${'['.repeat(66)}${']'.repeat(66)}`,
      'unexpected',
      /deep/,
    ],
  ];
  test.each(failing)('%s is a failure', (_name, changes, answer, failure, message) => {
    const point = single(changes).answer('solve', answer);
    expect(resultOf(point)).toMatchObject({ status: 'failed', failure: { step: 'solve', class: failure } });
    expect(resultOf(point)?.failure?.message).toMatch(message);
  });

  test('a message never holds half of a surrogate pair', () => {
    for (const length of [198, 199, 200, 201]) {
      const point = single({ call: makeCall('t/s', { parse: 'json' }) });
      point.answer('solve', `${'a'.repeat(length)}${'\u{1F600}'.repeat(300)}`);
      expect(resultOf(point)?.failure?.message).not.toMatch(/\p{Surrogate}/u);
    }
  });

  test('text is parsed where asked, fields shadow names, `answer` is the whole', () => {
    const call = makeCall('t/s', { parse: 'json', expect: ['x == 5', 'answer.x == 5', 'double == 2'] });
    expect(resultOf(single({ call }).answer('solve', { result: '{"x":5,"mass":1}' }))?.metrics).toEqual({ mass: 1 });
  });

  test('until and expect of a poll are both asked of the last answer', () => {
    const bad = single({ job: JOB }).answer('solve', { id: 'j' }).answer('solve', { status: 'failed' });
    expect(resultOf(bad)?.failure).toMatchObject({ class: 'unexpected', message: "`status == 'done'` does not hold" });
    const early = single({ job: JOB }).answer('solve', { id: 'j' }).answer('solve', { status: 'running' });
    expect(resultOf(early)?.failure?.message).toMatch(/status in/);
  });

  test('a poll has ended when `until` holds, cannot be told, or its answer cannot be read', () => {
    const { program, state } = single({ job: JOB }).answer('solve', { id: 'j' });
    const ended = (answer: Json) => pollEnded(program, state!, 'solve', answer);
    const answers: Json[] = [{ status: 'running' }, { status: 'done' }, {}, { status: 1e300 }];
    expect(answers.map(ended)).toEqual([false, true, true, true]);
  });

  test('a condition is told or not by what came of it, whatever words stand in it', () => {
    const words = "status == 'cannot be told'";
    const poll = { ...JOB.poll, until: words };
    const { program, state } = single({ job: { ...JOB, poll } }).answer('solve', { id: 'j' });
    expect(pollEnded(program, state!, 'solve', { status: 'running' })).toBe(false);
    const skipped = new OnePoint(
      makeLock({ pipeline: [makeStep('s', { when: "'x' == 'cannot be told'" })], metrics: [] }).program,
    );
    expect(skipped.status('s')).toBe('skipped');
  });

  test('a job without fetch answers with its last poll', () => {
    const job = { ...JOB, fetch: null };
    const point = single({ job }).answer('solve', { id: 'j' }).answer('solve', { status: 'done', mass: 4 });
    expect(resultOf(point)).toMatchObject({ status: 'succeeded', metrics: { mass: 4 }, calls: 1 });
  });

  test('arguments that cannot be computed fail the step, and nothing is sent', () => {
    const point = single({ call: makeCall('t/s', { with: { a: '=1 / (x - 1)' } }) });
    expect(resultOf(point)).toMatchObject({ status: 'failed', calls: 0, failure: { class: 'unexpected' } });
    expect(point.commands.map((command) => command.do)).toEqual(['end']);
  });
});

describe('metrics', () => {
  const plausible: [number, number] = [0.5, 5];
  const metrics = [
    { name: 'mass', value: "=q(solve.g, 'g')", unit: 'kg', plausible, description: '' },
    { name: 'twice', value: '=2 * mass', unit: 'kg', plausible: null, description: '' },
  ];
  const measured = (answer: Json) => resultOf(single({}, '', { metrics }).answer('solve', answer));

  test('are converted, may use those before, and decide on feasibility', () => {
    expect(measured({ g: 2000 })).toMatchObject({
      status: 'succeeded',
      metrics: { mass: 2, twice: 4 },
      feasible: true,
    });
    const strict = single({}, '', { metrics, outcome_constraints: ['twice < 4'] }).answer('solve', { g: 2000 });
    expect(resultOf(strict)).toMatchObject({ status: 'succeeded', feasible: false });
  });

  test.each([
    ['implausible', { g: 10_000 }, /outside of what is plausible, 0.5 to 5/],
    ['no number', { g: 'much' }, /q\(solve\.g/],
    ['missing', {}, /solve/],
  ])('%s is bad_metric', (_name, answer, message) => {
    const result = measured(answer);
    expect(result).toMatchObject({ status: 'failed', metrics: {}, feasible: null, failure: { class: 'bad_metric' } });
    expect(result?.failure?.message).toMatch(message);
  });
});

describe('a step that fails for good', () => {
  test('takes back the want of a step before it, and waits for what is out', () => {
    const pipeline = [
      makeStep('wanting', { uses: { cores: 1 } }),
      makeStep('out'),
      makeStep('bad', { call: makeCall('t/b', { with: { a: '=1 / (x - 1)' } }) }),
    ];
    const point = new OnePoint(makeLock({ pipeline, metrics: [], pools: { cores: 1 } }).program);
    expect(point.commands.map((command) => command.do)).toEqual(['want', 'send', 'release']);
    expect(point.state?.ended).toBe(false);
    expect(resultOf(point.answer('out'))).toMatchObject({ status: 'failed', failure: { step: 'bad' }, calls: 1 });
  });

  test('K5: nothing more of the point is sent, not even the next part of a job', () => {
    const pipeline = [makeStep('job', { job: JOB }), makeStep('bad'), makeStep('next', { needs: ['job'] })];
    const point = new OnePoint(makeLock({ pipeline, metrics: [] }).program).fail('bad', 'tool_failed');
    expect(point.commands).toEqual([]);
    point.answer('job', { id: 'j' });
    expect(point.commands.map((command) => command.do)).toEqual(['end']);
  });
});

describe('facts that cannot have happened', () => {
  const job = () => new OnePoint(makeLock({ pipeline: [makeStep('job', { job: JOB })], metrics: [] }).program);
  const pooled = () =>
    new OnePoint(makeLock({ pipeline: [makeStep('a', { uses: { c: 1 } })], metrics: [], pools: { c: 1 } }).program);
  const backingOff = () =>
    single({ retry: { attempts: 3, backoff_s: 1, on: ['transient'] } }).fail('solve', 'transient');
  const answered = (step: string, part: 'call' | 'submit' | 'poll', attempt: number): PointFact => ({
    type: 'effect.answered',
    step,
    part,
    attempt,
    outcome: { ok: true, answer: {}, artifacts: [] },
  });
  const cases: [string, () => OnePoint, PointFact][] = [
    ['began twice', job, { type: 'point.began', point: 1, values: {} }],
    ['an answer of another part', job, answered('job', 'poll', 1)],
    ['an answer of another attempt', job, answered('job', 'submit', 2)],
    ['an answer before its intent', pooled, answered('a', 'call', 1)],
    ['an answer of a step that is not there', job, answered('toString', 'call', 1)],
    ['a resend of what is not out', pooled, { type: 'effect.resent', step: 'a', part: 'call', attempt: 1 }],
    ['a grant of what is not wanted', job, { type: 'step.granted', step: 'job' }],
    ['a grant twice', () => pooled().grant('a'), { type: 'step.granted', step: 'a' }],
    ['resumed while not paused', job, { type: 'point.resumed' }],
    ['paused twice', () => job().take({ type: 'point.paused' }), { type: 'point.paused' }],
    ['cancelled twice', () => job().take({ type: 'point.cancelled' }), { type: 'point.cancelled' }],
    ['a deadline that was not set', job, { type: 'point.timer_fired', timer: 'deadline:job:1' }],
    ['a retry that was not set', job, { type: 'point.timer_fired', timer: 'retry:job:1' }],
    ['a timer of no step', job, { type: 'point.timer_fired', timer: 'gate:job:1' }],
    ['a retry of another attempt', () => backingOff(), { type: 'point.timer_fired', timer: 'retry:solve:2' }],
    [
      'a timer of nearly that name',
      () => job().answer('job', { id: 1 }),
      { type: 'point.timer_fired', timer: 'deadline:job:1:' },
    ],
    [
      'a poll answered while paused',
      () => job().answer('job', { id: 1 }).take({ type: 'point.paused' }),
      answered('job', 'poll', 1),
    ],
    ['anything after the end', () => job().fail('job', 'tool_failed'), { type: 'point.paused' }],
  ];
  test.each(cases)('%s', (_name, make, fact) => {
    const point = make();
    expect(() => point.take(fact)).toThrow(ImpossibleFact);
  });

  test('anything before the beginning', () => {
    const { program } = makeLock();
    expect(() => stepPoint(program, null, { type: 'point.paused' })).toThrow(ImpossibleFact);
  });
});
