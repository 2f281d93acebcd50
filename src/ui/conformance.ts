import {
  CONFORMANCE_CASES,
  type CallReport,
  type CaseReport,
  type ConformanceCase,
  type ConformanceReport,
  type Heard,
  type Sending,
  type Verdict,
} from '../ir/conformance.ts';
import { renderColumns } from './columns.ts';
import { plural } from './format.ts';
import { safeText } from './safe-text.ts';
import type { Style } from './style.ts';

const TITLES: Readonly<Record<ConformanceCase, readonly [column: string, words: string]>> = {
  ok: ['OK', 'ok'],
  fail_before: ['BEFORE', 'fail before'],
  execute_then_timeout: ['TIMEOUT', 'execute then time out'],
  execute_then_reset: ['RESET', 'execute then reset'],
  killed_midway: ['MIDWAY', 'killed midway'],
  duplicate_delivery: ['TWICE', 'duplicate delivery'],
  late_arrival: ['LATE', 'late arrival'],
  same_key_other_arguments: ['OTHER', 'same key, other arguments'],
};

const MARK: Readonly<Record<Verdict, string>> = { holds: '✔', refuted: '✘', cannot_be_told: '?', not_run: '–' };
const WORDS: Readonly<Record<Verdict, string>> = {
  holds: 'holds',
  refuted: 'refuted',
  cannot_be_told: 'cannot be told',
  not_run: 'not run',
};

/** A table of calls and cases, then what does not hold, with what was sent and what came back. */
export function conformanceLines(report: ConformanceReport, style: Style): string[] {
  const details = report.calls.flatMap((call) => callDetails(call, style));
  const tested = report.calls.filter(({ untested }) => untested === null);
  return [
    ...(tested.length === 0 ? [] : tableLines(tested, style)),
    ...report.calls.flatMap(({ call, effect, untested }) =>
      untested === null ? [] : [style.dim(`${MARK.not_run} ${safeText(call)} (${effect}): ${safeText(untested)}`)],
    ),
    ...(details.length === 0 ? [] : ['', ...details]),
  ];
}

function tableLines(calls: readonly CallReport[], style: Style): string[] {
  const titles = ['CALL', 'EFFECT', 'SEEN BY', ...CONFORMANCE_CASES.map((name) => TITLES[name][0])];
  const times = Math.max(1, ...calls.flatMap(({ cases }) => cases.map(({ runs }) => runs)));
  const legend = Object.entries(WORDS).map(([verdict, words]) => `${MARK[verdict as Verdict]} ${words}`);
  return [
    ...renderColumns(
      titles.map((title) => ({ title })),
      calls.map(tableRow),
    ),
    '',
    style.dim([...legend, ...(times === 1 ? [] : [`each fault ${times} times`])].join(' · ')),
  ];
}

function tableRow(call: CallReport): string[] {
  const cells = CONFORMANCE_CASES.map(
    (name) => MARK[call.cases.find((each) => each.case === name)?.verdict ?? 'not_run'],
  );
  return [safeText(call.call), call.effect, evidenceOf(call), ...cells];
}

function evidenceOf({ cases }: CallReport): string {
  const evidence = cases.find(({ evidence: found }) => found.length > 0)?.evidence ?? [];
  return evidence.includes('count') ? 'count' : evidence.includes('answers') ? 'answers' : 'nothing';
}

function callDetails({ call, effect, cases, count }: CallReport, style: Style): string[] {
  // That a pure call gets no key is no news.
  const shown = cases.filter(({ verdict }) => verdict !== 'holds' && (verdict !== 'not_run' || effect !== 'pure'));
  // A whole column of "fails without any fault" is said once.
  const distinct = shown.filter(({ why }, at) => shown.findIndex((other) => other.why === why) === at);
  return distinct.flatMap((each) => caseDetails(call, each, count, style));
}

function caseDetails(call: string, report: CaseReport, count: string | null, style: Style): string[] {
  const { verdict, why, observation, runs, held } = report;
  const colour = verdict === 'refuted' ? style.bad : verdict === 'cannot_be_told' ? style.warn : style.dim;
  const often = runs > 1 ? ` (${held} of ${runs} held)` : '';
  const heading = `${MARK[verdict]} ${safeText(call)}, ${TITLES[report.case][1]}: ${WORDS[verdict]}${often}`;
  if (verdict === 'not_run') return [style.dim(`${heading}. ${oneLine(why)}`)];
  const sendings = (observation?.sendings ?? []).map(sendingLine);
  const counts = observation?.counts ?? [];
  const counted = counts.length === 0 ? [] : [`count (${safeText(count ?? '')}): ${counts.join(', then ')}`];
  return [colour(heading), `    ${oneLine(why)}`, ...[...sendings, ...counted].map((line) => style.dim(`    ${line}`))];
}

const SENT: Readonly<Record<NonNullable<Sending['fault']>, string>> = {
  drop_request: 'sent, but it never arrived',
  drop_answer: 'sent, the answer was thrown away',
  hold_answer: 'sent, given up half way',
  kill_on_answer: 'sent, killed before the answer was heard',
  kill_after: 'sent, killed while at work',
};

function sendingLine({ key, arguments: which, fault, heard, unheard }: Sending): string {
  const sent = fault === null ? 'sent' : SENT[fault];
  const what = which === 'other' ? `${sent}, other arguments` : sent;
  const label = key === null ? '' : `key ${key}: `;
  if (fault === null) return `${label}${what} → ${heardText(heard)}`;
  return `${label}${what} → ${unheard === null ? 'nothing was seen of an answer' : `${heardText(unheard)}, unheard`}`;
}

const LONGEST_ANSWER = 120;

function heardText(heard: Heard): string {
  if (heard.kind === 'failure') return `failed (${safeText(heard.class)}): ${shortened(heard.message)}`;
  if (heard.kind === 'lost') return `no answer: ${shortened(heard.message)}`;
  return shortened(JSON.stringify(heard.answer));
}

/** Text of a tool, however long. */
function oneLine(text: string): string {
  return safeText(text.replace(/\s+/g, ' ').trim());
}

function shortened(text: string): string {
  const line = oneLine(text);
  return line.length <= LONGEST_ANSWER ? line : `${[...line].slice(0, LONGEST_ANSWER).join('')}…`;
}

/** A case while the kit is at work. */
export function progressLine(call: string, { case: name, verdict, runs, held }: CaseReport): string {
  const often = runs > 1 ? `, ${held} of ${runs}` : '';
  return `  ${MARK[verdict]} ${safeText(call)}, ${TITLES[name][1]}: ${WORDS[verdict]}${often}`;
}

/** All of it in one sentence. */
export function conformanceSummary({ tool, calls, verdict }: ConformanceReport): string {
  const tested = calls.filter(({ untested }) => untested === null).length;
  if (tested === 0) return `${tool}: nothing was tested.`;
  const count = (wanted: Verdict) =>
    calls.flatMap(({ cases }) => cases).filter((each) => each.verdict === wanted).length;
  const of = `${plural(tested, 'call')}, ${plural(count('holds') + count('refuted') + count('cannot_be_told'), 'case')}`;
  if (verdict === 'holds') return `${tool}: ${of}: all hold.`;
  const parts = [
    ...(count('refuted') > 0 ? [`${count('refuted')} refuted`] : []),
    ...(count('cannot_be_told') > 0 ? [`${count('cannot_be_told')} cannot be told`] : []),
  ];
  return `${tool}: ${of}: ${parts.join(', ')}.`;
}
