import { expect, test } from 'vitest';
import {
  CONFORMANCE_CASES,
  type CallReport,
  type CaseReport,
  type ConformanceReport,
} from '../../src/ir/conformance.ts';
import { conformanceLines, conformanceSummary, progressLine } from '../../src/ui/conformance.ts';
import { styleFor } from '../../src/ui/style.ts';
import { assertGolden } from '../golden.ts';

/* What is shown of each verdict; the texts of a tool are hostile. */

const HOSTILE = 'no \u001b[31mlicence\u001b[0m\n\u202eend';

const held: readonly CaseReport[] = CONFORMANCE_CASES.map((name) => ({
  case: name,
  verdict: 'holds',
  why: 'It held.',
  evidence: ['answers', 'count'],
  runs: 1,
  held: 1,
  observation: null,
}));

function call(
  name: string,
  changes: Partial<Record<(typeof CONFORMANCE_CASES)[number], Partial<CaseReport>>>,
): CallReport {
  const cases = held.map((each) => ({ ...each, ...changes[each.case] }));
  return { call: name, effect: 'by_key', untested: null, count: 'jobs', ok_ms: 5, cases };
}

const refuted: Partial<CaseReport> = {
  verdict: 'refuted',
  why: `Two answers to one key: /job was 1, then 2. ${HOSTILE}`,
  runs: 100,
  held: 97,
  observation: {
    case: 'execute_then_reset',
    counts: [4, 6],
    sendings: [
      {
        key: 'A',
        arguments: 'given',
        fault: 'kill_on_answer',
        heard: { kind: 'lost', reason: 'died', message: 'It ended.' },
        unheard: { kind: 'answer', answer: { job: 1, text: 'x'.repeat(200) }, files: [] },
      },
      {
        key: 'A',
        arguments: 'given',
        fault: null,
        heard: { kind: 'lost', reason: 'died', message: HOSTILE },
        unheard: null,
      },
      {
        key: 'A',
        arguments: 'other',
        fault: null,
        heard: { kind: 'failure', class: 'tool_failed', message: HOSTILE },
        unheard: null,
      },
    ],
  },
};

const report: ConformanceReport = {
  tool: 'beam',
  pin: 'f'.repeat(64),
  verdict: 'refuted',
  calls: [
    call('good', {}),
    call('bad\u001b[2J', {
      execute_then_reset: refuted,
      late_arrival: { verdict: 'cannot_be_told', why: 'Nobody knows.' },
      killed_midway: { verdict: 'not_run', why: 'It takes a count.' },
    }),
    {
      call: 'old',
      effect: 'once',
      untested: 'nothing to prove: it promises nothing',
      count: null,
      ok_ms: null,
      cases: [],
    },
  ],
};

test('a table, then what does not hold', () => {
  const lines = [
    ...conformanceLines(report, styleFor(false)),
    '---',
    conformanceSummary(report),
    ...report.calls[1]!.cases.map((each) => progressLine('bad', each)),
  ];
  const text = `${lines.join('\n')}\n`;
  assertGolden('ui/conformance.txt', text);
  for (const character of '\u001b\u202e') expect(text).not.toContain(character);
});
