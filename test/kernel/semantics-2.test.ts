import { describe, expect, test } from 'vitest';
import { FAILURE_CLASSES, type PointFact, type StudyFact } from '../../src/ir/events.ts';
import type { LockedStep } from '../../src/ir/lock.ts';
import { ImpossibleFact } from '../../src/kernel/impossible.ts';
import { retryRefusal } from '../../src/kernel/study.ts';
import { assertGolden } from '../golden.ts';
import { designPhase, gatePhase, JOB, makeCall, makeLock, makeStep, OnePoint, OneStudy, ZERO } from './support.ts';

const ONCE = makeCall('t/solve', { effect: 'once' });
const RETRY = { attempts: 3, backoff_s: 10, on: ['transient', 'tool_failed'] };

function point(changes: Partial<LockedStep>, more: Parameters<typeof makeLock>[0] = {}): OnePoint {
  return new OnePoint(makeLock({ semantics: 2, metrics: [], pipeline: [makeStep('solve', changes)], ...more }).program);
}

function resolved(as: 'done' | 'failed' | 'not_done', part: 'call' | 'poll' = 'call', attempt = 1): PointFact {
  const outcome = as === 'done' ? ({ ok: true, answer: { status: 'done' }, artifacts: [] } as const) : null;
  const effect = { step: 'solve', part, attempt };
  return { type: 'effect.resolved', ...effect, as, outcome, statement_sha256: ZERO, by: 'alice' };
}

describe('a step that waits for tokens', () => {
  const USES = { uses: { cores: 1 } };

  test('wants none while its point is paused, so that others may have them, and wants them anew behind it', () => {
    const one = point(USES, { pools: { cores: 1 } }).take({ type: 'point.paused' });
    expect(one.commands).toEqual([{ do: 'release', step: 'solve' }]);
    expect(() => one.grant('solve')).toThrow(ImpossibleFact);
    one.take({ type: 'point.resumed' });
    expect(one.commands).toEqual([{ do: 'want', step: 'solve', attempt: 1, uses: { cores: 1 } }]);
    one.grant('solve').take({ type: 'point.paused' });
    expect(one.commands, 'what is out keeps its tokens').toEqual([]);
  });

  test('of semantics 1 keeps its place while it is paused', () => {
    const one = point(USES, { pools: { cores: 1 }, semantics: 1 }).take({ type: 'point.paused' });
    expect(one.commands).toEqual([]);
    one.grant('solve');
  });
});

describe('an effect of which nobody knows', () => {
  test.each(['done', 'failed', 'not_done'] as const)('waits for a person, who says: %s', (as) => {
    const one = point({ call: ONCE, retry: RETRY }).fail('solve', 'unknown_outcome').take(resolved(as));
    assertGolden(`kernel/resolved-${as}.txt`, one.text);
  });

  test('a job that cannot be asked after waits too, and is asked after again', () => {
    const one = point({ job: JOB }).answer('solve', { id: 'j-1' }).fail('solve', 'tool_broken');
    one.take(resolved('not_done', 'poll')).answer('solve', { status: 'done' }).answer('solve');
    assertGolden('kernel/resolved-poll.txt', one.text);
  });

  test('keeps its tokens, lets other steps go on, and is given up when the point is cancelled', () => {
    const pipeline = [makeStep('solve', { call: ONCE, uses: { cores: 1 } }), makeStep('other')];
    const one = point({}, { pipeline, pools: { cores: 1 } })
      .grant('solve')
      .fail('solve', 'unknown_outcome');
    expect(one.commands, 'its tokens are kept').toEqual([]);
    one.answer('other').take({ type: 'point.cancelled' });
    assertGolden('kernel/unresolved-cancelled.txt', one.text);
  });

  test('is not asked of a person where nothing is left behind', () => {
    expect(
      point({ call: makeCall('t/solve', { effect: 'pure' }) }).fail('solve', 'unknown_outcome').state,
    ).toMatchObject({
      ended: true,
      failure: { class: 'unknown_outcome' },
    });
  });

  test.each([
    ['that needs nobody', resolved('done')],
    ['of another attempt', resolved('done', 'call', 2)],
    ['with an answer that it must not have', { ...resolved('done'), as: 'failed' }],
    ['without the answer that it must have', { ...resolved('failed'), as: 'done' }],
  ])('a resolution %s cannot have happened', (name, fact) => {
    const one = point({ call: ONCE });
    if (name !== 'that needs nobody') one.fail('solve', 'unknown_outcome');
    expect(() => one.take(fact as PointFact)).toThrow(ImpossibleFact);
  });
});

describe('a licence that is not there', () => {
  test('is waited for longer and longer; neither the attempt nor the call counts', () => {
    const one = point({ retry: { ...RETRY, attempts: 1 } });
    const waits: (number | null)[] = [];
    for (let attempt = 1; waits.at(-1) !== null; attempt += 1) {
      one.fail('solve', 'licence_unavailable', attempt);
      const failed = one.records.find((record) => record.type === 'step.failed');
      waits.push(failed?.type === 'step.failed' ? failed.again_in_s : null);
      if (waits.at(-1) !== null) one.fire(`retry:solve:${attempt}`);
    }
    expect(waits.slice(0, 9)).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600]);
    const waited_s = waits.reduce<number>((sum, wait) => sum + (wait ?? 0), 0);
    expect(waited_s, 'a day').toBeGreaterThanOrEqual(86_400);
    expect(waited_s).toBeLessThan(86_400 + 600);
    expect(one.state).toMatchObject({ ended: true, calls: 1, failure: { class: 'licence_unavailable' } });
  });

  test('leaves the attempts of the plan to other failures', () => {
    const one = point({ retry: { ...RETRY, attempts: 2 } });
    one
      .fail('solve', 'licence_unavailable', 1)
      .fire('retry:solve:1')
      .fail('solve', 'transient', 2)
      .fire('retry:solve:2');
    one.fail('solve', 'licence_unavailable', 3).fire('retry:solve:3').answer('solve', { ok: true }, 4);
    assertGolden('kernel/licence.txt', one.text);
  });
});

describe('a failed point, tried again', () => {
  test('goes on at the step that failed; answers that it has are kept', () => {
    const pipeline = [makeStep('mesh'), makeStep('solve', { needs: ['mesh'], retry: RETRY }), makeStep('other')];
    const one = point({}, { pipeline }).answer('mesh').answer('other').fail('solve', 'bad_metric');
    one.take({ type: 'point.retried' }).fail('solve', 'transient', 2).fire('retry:solve:2').answer('solve', {}, 3);
    assertGolden('kernel/retried.txt', one.text);
  });

  test('is asked after where it may yet go on outside (K4)', () => {
    const one = point({ job: JOB }).answer('solve', { id: 'j-1' }).fire('deadline:solve:1');
    one.take({ type: 'point.retried' }).take(resolved('failed', 'poll'));
    assertGolden('kernel/retried-open.txt', one.text);
  });

  test('only one that failed', () => {
    expect(() => point({}).answer('solve').take({ type: 'point.retried' })).toThrow(ImpossibleFact);
    expect(() => point({}).take({ type: 'point.retried' })).toThrow(ImpossibleFact);
  });
});

// --- the study -----------------------------------------------------------------------------------------------------

function study(changes: Parameters<typeof makeLock>[0] = {}, rows = 4): OneStudy {
  return new OneStudy(makeLock({ semantics: 2, in_flight: 2, ...changes }, { explore: rows }).program);
}

const who = { by: 'alice', reason: 'so' };

describe('a part of a run, cancelled', () => {
  test('points that a condition names: those in flight are told, those that have not begun never do', () => {
    const one = study().take({ type: 'points.cancelled', where: 'point in [2, 3]', ...who });
    one.finish(1).finish(2).finish(4);
    assertGolden('kernel/points-cancelled.txt', one.text);
  });

  test('a phase: the study goes on behind it', () => {
    const one = study({ study: [designPhase('explore'), gatePhase('pilot')] });
    one
      .take({ type: 'phase.cancelled', phase: 'explore', ...who })
      .finish(1)
      .finish(2);
    assertGolden('kernel/phase-cancelled.txt', one.text);
  });

  test.each<[string, StudyFact]>([
    ['a condition that is none', { type: 'points.cancelled', where: 'point ==', ...who }],
    ['a phase that is not there', { type: 'phase.cancelled', phase: 'nowhere', ...who }],
    ['a gate', { type: 'phase.cancelled', phase: 'pilot', ...who }],
  ])('not %s', (_name, fact) => {
    const one = study({ study: [designPhase('explore'), gatePhase('pilot')] });
    expect(() => one.take(fact)).toThrow(ImpossibleFact);
  });

  test('nothing of this is of semantics 1', () => {
    const one = study({ semantics: 1 });
    expect(() => one.take({ type: 'points.cancelled', where: 'point == 1', ...who })).toThrow(ImpossibleFact);
    expect(() => one.take({ type: 'phase.cancelled', phase: 'explore', ...who })).toThrow(ImpossibleFact);
    expect(() => one.fails(1).take({ type: 'points.retried', points: [1], by: 'alice' })).toThrow(ImpossibleFact);
  });
});

describe('failed points of a study, tried again', () => {
  const retried = (...points: number[]): StudyFact => ({ type: 'points.retried', points, by: 'alice' });

  test('while it goes on, before further rows', () => {
    const one = study().fails(1).take(retried(1)).finish(2).finish(3).finish(1).finish(4);
    assertGolden('kernel/study-retried.txt', one.text);
  });

  test('after it has failed by too many of them: it goes on where it stopped', () => {
    const budget = { points: 100, calls: 100, wall_time_s: 60, failed_points: 0 };
    const one = study({ budget }).fails(1).finish(2).take(retried(1)).finish(1).finish(3).finish(4);
    assertGolden('kernel/study-reopened.txt', one.text);
  });

  test('at an open gate, which opens anew behind them', () => {
    const one = study({ study: [designPhase('explore'), gatePhase('pilot', 60)] }, 2);
    one.fails(1).finish(2).take(retried(1)).finish(1).decide('pilot', 'stop', 2);
    assertGolden('kernel/study-retried-at-gate.txt', one.text);
  });

  test('after a decision to stop, which stands', () => {
    const one = study({ study: [designPhase('explore'), gatePhase('pilot'), designPhase('explore')] }, 2);
    one.fails(1).finish(2).decide('pilot', 'stop').take(retried(1)).finish(1);
    expect(one.records.at(-1)).toMatchObject({ type: 'run.finished', status: 'stopped', points: { succeeded: 2 } });
  });

  test.each<[string, (one: OneStudy) => OneStudy, number[], string]>([
    ['one that succeeded', (one) => one.finish(1), [1], 'Point 1 has not failed at a step, or is in hand again.'],
    ['one twice', (one) => one.fails(1), [1, 1], 'Point 1 has not failed at a step, or is in hand again.'],
    ['none', (one) => one, [], 'There is no failed point.'],
    [
      'after a cancel',
      (one) =>
        one
          .fails(1)
          .take({ type: 'run.cancelled', ...who })
          .finish(2)
          .finish(3),
      [1],
      'The run was cancelled.',
    ],
    [
      'more than the budget of calls allows',
      (one) => one.fails(1, 98),
      [1],
      'The budget of 100 calls has 0 left; 1 points may need 1.',
    ],
  ])('not %s', (_name, bring, points, refusal) => {
    const budget = { points: 100, calls: 100, wall_time_s: null, failed_points: null };
    const one = bring(study({ budget }));
    expect(retryRefusal(one.program, one.state!, points)).toBe(refusal);
    expect(() => one.take(retried(...points))).toThrow(ImpossibleFact);
  });

  test('infeasible points do not count against failed_points', () => {
    const budget = { points: 100, calls: 100, wall_time_s: null, failed_points: 0 };
    const failure = { step: 'solve', class: 'infeasible', message: 'no' };
    const result = { status: 'failed', metrics: {}, feasible: null, failure, calls: 1 } as const;
    const one = study({ budget }).take({ type: 'point.finished', point: 1, result }).finish(2);
    expect(one.state).toMatchObject({ ending: null, tally: { failed: 1, infeasible: 1 } });
    expect(one.fails(3).state?.ending).toMatchObject({ status: 'failed' });
  });
});

// --- classes -------------------------------------------------------------------------------------------------------

const EFFECTS = ['pure', 'by_key', 'once'] as const;

/** What a failure of a class leads to, for the step and for the study, where `retry` names the class and where it does not. */
function consequence(failure: string, effect: (typeof EFFECTS)[number], named: boolean): string {
  const retry = { attempts: 2, backoff_s: 10, on: named ? [failure] : [] };
  const one = point({ call: makeCall('t/solve', { effect }), retry }).fail('solve', failure);
  const status = one.status('solve');
  const failed = one.records.find((record) => record.type === 'step.failed');
  const again_in_s = failed?.type === 'step.failed' ? failed.again_in_s : null;
  if (status === 'unresolved') return 'a person says what became of it';
  if (status === 'backing_off')
    return failure === 'licence_unavailable' ? `waits, from ${again_in_s} s on` : 'next attempt';
  return 'the point fails';
}

test('every class and its effect, as written down', () => {
  const lines = FAILURE_CLASSES.flatMap((failure) =>
    EFFECTS.map((effect) => {
      const [named, not_named] = [consequence(failure, effect, true), consequence(failure, effect, false)];
      const counts = failure === 'infeasible' ? 'does not count' : 'counts';
      const fails = not_named === 'the point fails' || named === 'the point fails';
      return [
        `${failure}, ${effect}:`.padEnd(30),
        named === not_named ? named : `${named} where retry names it, else ${not_named}`,
        fails ? `; a point that fails ${counts} against failed_points` : '',
      ].join('');
    }),
  );
  assertGolden('kernel/failure-classes.txt', `${lines.join('\n')}\n`);
});
