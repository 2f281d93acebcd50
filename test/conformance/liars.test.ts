import { describe, test, type TestContext } from 'vitest';
import type { ConformanceCase } from '../../src/ir/conformance.ts';
import type { CallTest } from '../../src/ir/tools-test.ts';
import {
  COUNTED,
  effectsIn,
  letters,
  processesIn,
  testFixture,
  type Tested,
  type TestOptions,
  type Transport,
  UNCOUNTED,
} from './support.ts';

/*
 * Tools that declare more than they hold (test/fixtures/tools/keyed.mjs), as real processes: each lie must be found by the case that is
 * there for it, and an honest tool must be refuted by none. Without this the kit could pass everything.
 *
 * Cases in order: ok, before, timeout, reset, midway, twice, late, other. A dot stands where the moment of a kill decides.
 */

/** Longer where the kit must meet the tool at work, on a busy machine too. */
const WORK_MS = 60;
const LONG_WORK_MS = 500;
const NEEDS_TIME: ReadonlySet<string> = new Set(['answers_late', 'records_late', 'records_first']);

interface Outcome extends Tested {
  readonly letters: string;
  /** What is said of a case. */
  why(name: ConformanceCase): string;
}

/** Runs the kit; afterwards nothing may be left of the tool. The tests wait most of the time, so several run at once. */
async function outcomeOf(
  { expect, onTestFinished }: TestContext,
  transport: Transport,
  lie: string,
  tests: Readonly<Record<string, CallTest>>,
  times: TestOptions['times'] = () => 1,
): Promise<Outcome> {
  const work_ms = NEEDS_TIME.has(lie) ? LONG_WORK_MS : WORK_MS;
  const tested = await testFixture({ transport, lie, work_ms, tests, times });
  onTestFinished(() => tested.project.remove());
  expect(processesIn(tested.project.folder)).toEqual([]);
  const [report] = tested.report.calls;
  const why = (name: ConformanceCase) => report?.cases.find((each) => each.case === name)?.why ?? '';
  return { ...tested, letters: report === undefined ? '' : letters(report), why };
}

const LOOK: CallTest = { with: {} };
const LOOK_COUNTED: CallTest = { with: {}, count: { call: 'jobs' } };

function pattern(letter_by_case: string): RegExp {
  return new RegExp(`^${letter_by_case.replace(/[?]/g, '\\?')}$`);
}

describe.each<Transport>(['mcp', 'process'])('an honest tool, %s', (transport) => {
  test.concurrent('holds by count: every key one effect', async (context) => {
    const { letters: found, report, project } = await outcomeOf(context, transport, 'none', { submit: COUNTED });
    context.expect(found).toBe('hhhhhhhh');
    const { cases } = report.calls[0]!;
    const keys = cases.map(({ observation }) => new Set(observation?.sendings.map(({ key }) => key)).size);
    context.expect(effectsIn(project)).toBe(keys.reduce((sum, count) => sum + count, 0));
    context.expect(cases.every(({ evidence }) => evidence.join() === 'answers,count')).toBe(true);
  });

  test.concurrent('holds by its answers alone, but for what shows in no answer', async (context) => {
    const { letters: found, why } = await outcomeOf(context, transport, 'none', { submit: UNCOUNTED });
    context.expect(found).toBe('hhhh-hhh');
    context.expect(why('killed_midway')).toContain('takes a `count`');
  });

  test.concurrent('a pure call holds, and makes no effect', async (context) => {
    const { letters: found, project } = await outcomeOf(context, transport, 'none', { look: LOOK_COUNTED });
    context.expect(found).toBe('hhhhhhh-');
    context.expect(effectsIn(project)).toBe(0);
  });
});

describe('a server that lies is refuted', () => {
  test.concurrent.for([
    ['ignores_key', 'hhRR.RRR', 'the key is ignored'],
    ['doubles_quietly', 'hhRR.RRR', 'the same, behind an answer made of the key'],
    ['takes_other', 'hhhhhhhR', 'other arguments get the old answer'],
    ['acts_on_other', 'hhhhhhhR', 'other arguments are another effect'],
    ['forgets', 'hhhR.Rhh', 'the keys are gone after a restart, and unknown to a second server'],
    ['answers_late', 'hhhh.RRh', 'a second sending while it works finds no key'],
    ['records_late', 'hhhhRRRh', 'killed between effect and key'],
    ['records_first', 'hhhhRhhh', 'killed between key and effect'],
    ['refuses_again', 'hhRR.R.R', 'a known key is an error'],
    ['says_duplicate', 'hhRR.R.R', 'a known key has another answer'],
    ['dies', 'hhRR.R.R', 'a known key ends it'],
    ['dies_always', '????????', 'it never answers'],
    ['says_nothing', 'hhRR.RRR', 'one answer to everything'],
  ] as const)('%s by %s: %s', async ([lie, expected], context) => {
    const { letters: found } = await outcomeOf(context, 'mcp', lie, { submit: COUNTED });
    context.expect(found).toMatch(pattern(expected));
  });

  test.concurrent.for([
    ['ignores_key', 'hhRR-RRR'],
    ['forgets', 'hhhR-Rhh'],
    ['says_nothing', 'hh??-??R'],
    // What it does twice behind one answer, nobody sees without a count; the docs say so.
    ['doubles_quietly', 'hhhh-hhR'],
  ] as const)('without a count, %s by %s', async ([lie, expected], context) => {
    const { letters: found } = await outcomeOf(context, 'mcp', lie, { submit: UNCOUNTED });
    context.expect(found).toMatch(pattern(expected));
  });

  test.concurrent('a pure call that acts, by the count', async (context) => {
    const { letters: found, why } = await outcomeOf(context, 'mcp', 'acts_when_asked', { look: LOOK_COUNTED });
    context.expect(found).toBe('RRRRRRR-');
    context.expect(why('ok')).toBe('The count of effects went from 0 to 2: it acts.');
  });

  test.concurrent('a pure call whose answers differ, without one', async (context) => {
    const { letters: found, why } = await outcomeOf(context, 'mcp', 'answers_differ', { look: LOOK });
    context.expect(found).toMatch(pattern('RhRRRRR-'));
    context.expect(why('ok')).toMatch(/^Two answers to the same question: \/size was /);
  });

  test.concurrent('what differs may be declared volatile', async (context) => {
    const given = { ...LOOK, volatile: ['/size'] };
    const { letters: found } = await outcomeOf(context, 'mcp', 'answers_differ', { look: given });
    context.expect(found).toBe('hhhhhhh-');
  });
});

describe('a program that lies is refuted', () => {
  test.concurrent.for([
    ['ignores_key', 'hhRR.RRR'],
    ['acts_on_other', 'hhhhhhhR'],
    ['answers_late', 'hhhh.R.h'],
    ['records_late', 'hhhhR..h'],
    ['records_first', 'hhhhR..h'],
    ['dies', 'hhRR.R.R'],
  ] as const)('%s by %s', async ([lie, expected], context) => {
    const { letters: found } = await outcomeOf(context, 'process', lie, { submit: COUNTED });
    context.expect(found).toMatch(pattern(expected));
  });
});

describe('what the kit says', () => {
  test.concurrent('of a doubled effect', async (context) => {
    const { why } = await outcomeOf(context, 'mcp', 'forgets', { submit: COUNTED });
    context
      .expect(why('execute_then_reset'))
      .toMatch(
        /^Two answers to one key: \/job was "job-.*", then "job-.*"\. 1 key added 2 to the count, not 1: it acted more than once\.$/,
      );
  });

  test.concurrent('of a tool that never answers: once, with its end', async (context) => {
    const { why } = await outcomeOf(context, 'mcp', 'dies_always', { submit: COUNTED });
    context.expect(why('ok')).toMatch(/^Without any fault it ends: .*killed by SIGKILL/);
    context.expect(why('late_arrival')).toBe('The call fails without any fault.');
  });

  test.concurrent('of a tool that needs longer than its time-out', async (context) => {
    const given = { ...COUNTED, timeout: '300ms' };
    const { letters: found, why } = await outcomeOf(context, 'mcp', 'is_slow', { submit: given });
    context.expect(found).toBe('????????');
    context.expect(why('ok')).toContain('it does not answer in time: No answer within 0.3 s.');
  });

  test.concurrent('of other arguments that are not given', async (context) => {
    const { other: _, ...given } = COUNTED;
    const { letters: found, why } = await outcomeOf(context, 'mcp', 'none', { submit: given });
    context.expect(found).toBe('hhhhhhh?');
    context.expect(why('same_key_other_arguments')).toContain('`other`');
  });
});

test.concurrent('repeated cases: the first run that refutes decides', async (context) => {
  const { report } = await outcomeOf(context, 'mcp', 'none', { submit: UNCOUNTED }, () => 3);
  const counts = report.calls[0]!.cases.map(({ runs, held }) => `${held}/${runs}`);
  context.expect(counts.join(' ')).toBe('1/1 3/3 3/3 3/3 0/0 3/3 3/3 1/1');
});
