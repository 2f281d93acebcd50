import { describe, expect, test } from 'vitest';
import type { StudyFact } from '../../src/ir/events.ts';
import type { Lock } from '../../src/ir/lock.ts';
import { ImpossibleFact } from '../../src/kernel/impossible.ts';
import { compileProgram } from '../../src/kernel/program.ts';
import { stepStudy } from '../../src/kernel/study.ts';
import { assertGolden } from '../golden.ts';
import { decidePhase, designPhase, gatePhase, makeLock, makeStep, OneStudy, STARTED } from './support.ts';

const studyOf = (...args: Parameters<typeof makeLock>) => new OneStudy(makeLock(...args).program);
const budget = { points: 100, calls: 1000, wall_time_s: null, failed_points: null };
const PAUSED: StudyFact = { type: 'run.paused', by: 'alice', reason: 'lunch' };
const RESUMED: StudyFact = { type: 'run.resumed', by: 'alice' };
const CANCELLED: StudyFact = { type: 'run.cancelled', by: 'alice', reason: 'enough' };

function endOf({ records }: OneStudy) {
  const finished = records.find((record) => record.type === 'run.finished');
  return finished?.type === 'run.finished' ? `${finished.status}: ${finished.reason}` : undefined;
}

function startedBy({ commands }: OneStudy): number[] {
  return commands.flatMap((command) => (command.do === 'start_point' ? [command.point] : []));
}

describe('whole transcripts', () => {
  test('design, gate, extension, decision', () => {
    const study = studyOf(
      {
        in_flight: 2,
        study: [
          designPhase('explore'),
          gatePhase('pilot', 3600),
          designPhase('refine'),
          decidePhase('judge', [
            {
              if: 'size(feasible) < 4',
              action: { do: 'extend', phase: 'explore', points: 1, tables: ['explore#1', 'explore#2'] },
              at_most: 2,
              because: 'too few',
            },
            { action: { do: 'stop' }, because: 'done' },
          ]),
          designPhase('never', []),
        ],
      },
      { explore: 3, refine: 1, 'explore#1': 1, 'explore#2': 1 },
    );
    for (const point of [2, 1, 3]) study.finish(point, point);
    study.decide('pilot', 'continue').finish(4, 20).finish(5, 30).finish(6, 2);
    assertGolden('kernel/study.txt', study.text);
  });

  test('cancelled at a gate with a time-out and a wall time', () => {
    const study = studyOf({ study: [gatePhase('pilot', 60)], budget: { ...budget, wall_time_s: 10 } }, {});
    assertGolden('kernel/cancel-at-gate.txt', study.take(CANCELLED).text);
  });
});

describe('points', () => {
  test('K6, K8: in order, each once, at most in_flight at a time', () => {
    const study = studyOf({ in_flight: 3 }, { explore: 6 });
    expect(startedBy(study)).toEqual([1, 2, 3]);
    expect(startedBy(study.finish(2))).toEqual([4]);
    expect(startedBy(study.finish(4))).toEqual([5]);
    expect(startedBy(study.finish(1))).toEqual([6]);
    expect(startedBy(study.finish(6))).toEqual([]);
    expect(endOf(study.finish(3).finish(5))).toBe('completed: all phases are done');
  });

  test('a phase that is visited again takes its next table, then finds nothing to do', () => {
    const again = { action: { do: 'goto' as const, phase: 'explore' }, at_most: 2 };
    const study = studyOf(
      { study: [designPhase('explore', ['a', 'b']), decidePhase('judge', [again])] },
      { a: 1, b: 1 },
    );
    expect(startedBy(study.finish(1))).toEqual([2]);
    study.finish(2);
    const started = study.records.filter((record) => record.type === 'phase.started');
    expect(started.map((record) => `${record.phase} ${record.occurrence}`)).toEqual([
      'judge 2',
      'explore 3',
      'judge 3',
    ]);
    expect(endOf(study)).toBe('completed: all phases are done');
  });

  test('a run of which no point succeeded has failed', () => {
    expect(endOf(studyOf({}, { explore: 1 }).fails(1))).toBe('failed: no point succeeded');
  });

  test('the best do not depend on the order of finishing', () => {
    const orders = [
      [1, 2, 3, 4],
      [4, 3, 2, 1],
      [2, 4, 1, 3],
    ];
    const evidence = orders.map((order) => {
      const study = studyOf({ study: [designPhase('explore'), gatePhase('pilot')] }, { explore: 4 });
      for (const point of order) study.finish(point, point === 2 ? 20 : 5);
      return study.records.find((record) => record.type === 'gate.opened');
    });
    expect(evidence[0]).toMatchObject({ evidence: { succeeded: 4, feasible: 3 } });
    expect(evidence[1]).toEqual(evidence[0]);
    expect(evidence[2]).toEqual(evidence[0]);
  });
});

describe('budgets end a run in good order', () => {
  test('points', () => {
    const study = studyOf({ budget: { ...budget, points: 2 } }, { explore: 3 });
    expect(startedBy(study)).toEqual([1, 2]);
    expect(endOf(study.finish(1))).toBeUndefined();
    expect(endOf(study.finish(2))).toMatch(/^failed: the budget of 2 points/);
  });

  test('K7: calls are kept for every retry of what is in flight', () => {
    const forecast = { ...makeLock().lock.forecast, calls_per_point: 3 };
    const study = studyOf({ forecast, budget: { ...budget, calls: 8 } }, { explore: 9 });
    expect(startedBy(study)).toEqual([1, 2]);
    expect(startedBy(study.finish(1, 1, 1))).toEqual([3]);
    expect(startedBy(study.finish(2, 1, 3))).toEqual([]);
    expect(startedBy(study.finish(3, 1, 1))).toEqual([4]);
    expect(endOf(study.finish(4, 1, 3))).toMatch(/^failed: the budget of 8 calls/);
  });

  test('failed points: as many as are allowed, then one more; what is in flight is waited for', () => {
    const study = studyOf({ budget: { ...budget, failed_points: 1 }, in_flight: 2 }, { explore: 9 }).fails(1);
    expect(startedBy(study)).toEqual([3]);
    expect(startedBy(study.fails(2))).toEqual([]);
    expect(endOf(study.finish(3))).toMatch(/^failed: more than 1 points failed/);
  });

  test('wall time', () => {
    const study = studyOf({ budget: { ...budget, wall_time_s: 60 }, in_flight: 1 }, { explore: 3 });
    expect(study.commands).toContainEqual({ do: 'timer', timer: 'wall_time', after_s: 60 });
    study.take({ type: 'study.timer_fired', timer: 'wall_time' });
    expect(study.commands).toEqual([]);
    expect(endOf(study.finish(1))).toMatch(/^failed: the wall time is used up/);
  });
});

describe('gates', () => {
  const gated = (timeout_s: number | null = null) =>
    studyOf({ study: [gatePhase('pilot', timeout_s), designPhase('explore')] }, { explore: 1 });

  test('K3: continue opens the way, stop ends the run', () => {
    expect(startedBy(gated().decide('pilot', 'continue'))).toEqual([1]);
    expect(endOf(gated().decide('pilot', 'stop'))).toBe('stopped: decided at gate pilot');
  });

  test('K3: a time-out stops; a decision in time takes the timer away', () => {
    const fired: StudyFact = { type: 'study.timer_fired', timer: 'gate:pilot:1' };
    expect(endOf(gated(60).take(fired))).toBe('stopped: nobody decided at gate pilot in time');
    const decided = gated(60).decide('pilot', 'continue');
    expect(decided.commands[0]).toEqual({ do: 'cancel_timer', timer: 'gate:pilot:1' });
    expect(() => decided.take(fired)).toThrow(ImpossibleFact);
  });

  test('a decision while the run is paused starts nothing until it goes on', () => {
    const study = gated().take(PAUSED).decide('pilot', 'continue');
    expect(startedBy(study)).toEqual([]);
    expect(startedBy(study.take(RESUMED))).toEqual([1]);
  });
});

describe('decisions', () => {
  const judged = (rules: Parameters<typeof decidePhase>[1], changes: Partial<Lock> = {}) =>
    studyOf(
      { study: [designPhase('explore'), decidePhase('judge', rules), designPhase('more')], ...changes },
      {
        explore: 2,
        more: 1,
      },
    );
  const decision = (study: OneStudy) => study.records.find((record) => record.type === 'decision.made');

  test('stop and next', () => {
    const rules = [
      { if: 'best.mass > 5', action: { do: 'stop' as const }, because: 'too heavy' },
      { action: { do: 'next' as const } },
    ];
    expect(endOf(judged(rules).finish(1, 6).finish(2, 7))).toBe('stopped: too heavy');
    expect(startedBy(judged(rules).finish(1, 6).finish(2, 4))).toEqual([3]);
  });

  test('rules see counts, feasible points and the best one', () => {
    const condition =
      'points == 2 && succeeded == 1 && failed == 1 && size(feasible) == 1 && feasible[0].x == 2 && best.point == 2 && best.mass < 4 && load > 99';
    const study = judged([{ if: condition, action: { do: 'stop' } }]);
    expect(endOf(study.finish(2, 3).fails(1))).toBe('stopped: decided by judge');
  });

  test('without a rule that applies the study goes on', () => {
    const study = judged([{ if: 'failed > 0', action: { do: 'stop' } }])
      .finish(1)
      .finish(2);
    expect(decision(study)).toMatchObject({ rule: 0, action: 'next' });
    expect(startedBy(study)).toEqual([3]);
  });

  test('a decision that cannot be told fails the run', () => {
    const study = judged([{ if: 'best.mass > 1', action: { do: 'stop' } }])
      .fails(1)
      .fails(2);
    expect(endOf(study)).toMatch(/^failed: rule 1 of judge cannot be told/);
    expect(
      endOf(
        judged([{ if: 'points', action: { do: 'stop' } }])
          .finish(1)
          .finish(2),
      ),
    ).toMatch(/neither true nor/);
  });

  test('at_most counts over the whole run', () => {
    const extend = { do: 'extend' as const, phase: 'explore', points: 1, tables: ['e#1', 'e#2'] };
    const study = studyOf(
      { study: [designPhase('explore'), decidePhase('judge', [{ if: 'true', action: extend, at_most: 2 }])] },
      { explore: 1, 'e#1': 1, 'e#2': 1 },
    );
    expect(startedBy(study.finish(1))).toEqual([2]);
    expect(startedBy(study.finish(2))).toEqual([3]);
    expect(endOf(study.finish(3))).toBe('completed: all phases are done');
    expect(study.records[0]).toMatchObject({ type: 'decision.made', rule: 0, occurrence: 1 });
  });
});

/** What every command does in every state: the records, or that it cannot be. */
test('states and commands', () => {
  const lock = { study: [designPhase('explore'), gatePhase('pilot', 60)], in_flight: 1 };
  const states: Record<string, () => OneStudy> = {
    running: () => studyOf(lock, { explore: 2 }),
    paused: () => studyOf(lock, { explore: 2 }).take(PAUSED),
    'paused, drained': () => studyOf(lock, { explore: 2 }).take(PAUSED).finish(1),
    'at a gate': () => studyOf(lock, { explore: 1 }).finish(1),
    'paused at a gate': () => studyOf(lock, { explore: 1 }).finish(1).take(PAUSED),
    'being cancelled': () => studyOf(lock, { explore: 2 }).take(CANCELLED),
    'paused, being cancelled': () => studyOf(lock, { explore: 2 }).take(PAUSED).take(CANCELLED),
    finished: () => studyOf(lock, { explore: 1 }).finish(1).decide('pilot', 'stop'),
  };
  const commands: Record<string, StudyFact> = {
    pause: PAUSED,
    resume: RESUMED,
    cancel: CANCELLED,
    'continue at the gate': { ...GATE, outcome: 'continue' },
    'time-out of the gate': { type: 'study.timer_fired', timer: 'gate:pilot:1' },
    'point 1 ends': {
      type: 'point.finished',
      point: 1,
      result: { status: 'cancelled', metrics: {}, feasible: null, failure: null, calls: 0 },
    },
  };
  const lines = Object.entries(states).flatMap(([state, make]) => [
    `${state}:`,
    ...Object.entries(commands).map(([name, fact]) => `  ${name}: ${outcomeOf(make(), fact)}`),
  ]);
  assertGolden('kernel/states.txt', `${lines.join('\n')}\n`);
});

const GATE = { type: 'gate.decided', gate: 'pilot', occurrence: 1, statement_sha256: '', by: 'a' } as const;

function outcomeOf(study: OneStudy, fact: StudyFact): string {
  try {
    const { records, commands, state } = study.take(fact);
    const done = [...records.map((record) => record.type), ...commands.map((command) => command.do.toUpperCase())];
    return `${done.join(', ') || 'nothing'} -> ${state?.status}${state?.paused ? ', paused' : ''}`;
  } catch (error) {
    if (!(error instanceof ImpossibleFact)) throw error;
    return `impossible (${error.message})`;
  }
}

describe('facts that cannot have happened', () => {
  const gated = () => studyOf({ study: [gatePhase('pilot', 60)] }, {});
  const cases: [string, () => OneStudy, StudyFact][] = [
    ['started twice', () => studyOf(), STARTED],
    ['a point that was not started', () => studyOf({ in_flight: 1 }), { ...finished(2) }],
    ['a point twice', () => studyOf().finish(1), finished(1)],
    ['a decision where no gate is', () => studyOf(), { ...GATE, outcome: 'stop' }],
    ['a decision of another gate', gated, { ...GATE, gate: 'other', outcome: 'stop' }],
    ['a decision of another occurrence', gated, { ...GATE, occurrence: 2, outcome: 'stop' }],
    ['an outcome that is none', gated, { ...GATE, outcome: 'widen' }],
    ['a timer of another visit', gated, { type: 'study.timer_fired', timer: 'gate:pilot:2' }],
    ['a wall time that the lock does not limit', gated, { type: 'study.timer_fired', timer: 'wall_time' }],
  ];
  test.each(cases)('%s', (_name, make, fact) => {
    const study = make();
    expect(() => study.take(fact)).toThrow(ImpossibleFact);
  });

  test('anything before the beginning, and a beginning of other semantics', () => {
    const { program } = makeLock();
    expect(() => stepStudy(program, null, PAUSED)).toThrow(ImpossibleFact);
    expect(() => stepStudy(program, null, { ...STARTED, semantics: 2 } as StudyFact)).toThrow(ImpossibleFact);
  });
});

function finished(point: number): StudyFact {
  return {
    type: 'point.finished',
    point,
    result: { status: 'succeeded', metrics: { mass: 1 }, feasible: true, failure: null, calls: 1 },
  };
}

describe('locks that could not be run to an end are refused', () => {
  const goto = { do: 'goto' as const, phase: 'explore' };
  const extend = { do: 'extend' as const, phase: 'explore', points: 1, tables: ['explore'] };
  const judge = (rule: Parameters<typeof decidePhase>[1][number]) => ({
    study: [designPhase('explore'), decidePhase('judge', [rule])],
  });
  const cases: [string, Partial<Lock>, RegExp][] = [
    ['a loop without an end', judge({ action: goto }), /loops without an at_most/],
    ['a jump to nowhere', judge({ action: { ...goto, phase: 'x' }, at_most: 1 }), /which is no phase/],
    ['fewer tables than extensions', judge({ action: extend, at_most: 2 }), /has 1 tables/],
    ['a table that is not there', { study: [designPhase('explore', ['x'])] }, /takes table x/],
    ['more tokens than there are', { pipeline: [makeStep('solve', { uses: { cores: 2 } })] }, /uses 2 of pool cores/],
    ['a circle', { pipeline: [makeStep('a', { needs: ['b'] }), makeStep('b', { needs: ['a'] })] }, /in a circle/],
    ['an expression that does not parse', { outcome_constraints: ['mass <='] }, /mass <=/],
    ['a step that calls nothing', { pipeline: [makeStep('solve', { call: null })] }, /calls nothing/],
  ];
  test.each(cases)('%s', (_name, changes, message) => {
    const { lock, tables } = makeLock();
    const compiled = compileProgram({ ...lock, ...changes }, tables);
    expect(compiled.ok ? 'compiled' : compiled.error).toMatchObject({ code: 'LOCK_INVALID' });
    expect(compiled.ok ? '' : compiled.error.message).toMatch(message);
  });

  test('a table that is not here', () => {
    expect(compileProgram(makeLock().lock, new Map()).ok).toBe(false);
  });
});
