import type { Heard, Judgement, Observation, Sending } from '../ir/conformance.ts';
import { differenceOf, shown, type Volatile } from './compare.ts';

/*
 * What follows from what was observed; pure.
 *
 * "One effect" is seen from outside in two ways. By answers: two sendings under one key must have equal answers, which says something
 * where another key gets another answer (it holds an id, say). By count: the tool, or a trace that it leaves, says how many effects there
 * are; then a key must add what a key adds where nothing goes wrong, however often it is sent. A count is the stronger: a tool that does
 * its work twice may well derive the same id from the same key.
 *
 *   J1. `refuted` needs something that was seen: unequal answers, a count, an argument that was taken. Never a guess.
 *   J2. `holds` needs evidence that would have shown the contrary; otherwise it cannot be told.
 *   J3. What fails without any fault cannot be told in any case.
 */

export interface Grounds {
  readonly effect: 'pure' | 'by_key';
  readonly volatile: Volatile;
  readonly baseline: Baseline;
}

/** What the undisturbed case teaches. */
export interface Baseline {
  /** Another key gets another answer, so equal answers mean one effect. */
  readonly answers_tell: boolean;
  /** What one key adds to the count; null where there is no count, or it does not follow the effects. */
  readonly per_key: number | null;
}

/** Of a pure call no key is sent and nothing may be added. */
export function baselineOf(ok: Observation, effect: 'pure' | 'by_key', volatile: Volatile): Baseline {
  const [before, first, second] = ok.counts;
  if (effect === 'pure') return { answers_tell: true, per_key: before === undefined ? null : 0 };
  const answers = ok.sendings.flatMap(({ heard }) => (heard.kind === 'answer' ? [heard] : []));
  const answers_tell = answers.length === 2 && differenceOf(answers[0]!, answers[1]!, volatile) !== null;
  if (before === undefined || first === undefined || second === undefined) return { answers_tell, per_key: null };
  const [by_first, by_second] = [first - before, second - first];
  const follows = by_first > 0 && (by_second === by_first || by_second === 0);
  return { answers_tell, per_key: follows ? by_second : null };
}

export function judge(observation: Observation, grounds: Grounds): Judgement {
  const findings = new Findings();
  switch (observation.case) {
    case 'ok':
      return judgeOk(observation, grounds);
    case 'same_key_other_arguments':
      judgeOtherArguments(observation, grounds, findings);
      break;
    default:
      judgeAnswers(observation, grounds, findings);
      judgeCount(observation, grounds, findings);
      judgeEvidence(observation, grounds, findings);
  }
  return findings.judgement(observation, grounds);
}

/** What speaks against the declaration, and what leaves it open. */
class Findings {
  readonly #against: string[] = [];
  readonly #open: string[] = [];

  against(sentence: string): void {
    if (!this.#against.includes(sentence)) this.#against.push(sentence);
  }

  open(sentence: string): void {
    if (!this.#open.includes(sentence)) this.#open.push(sentence);
  }

  judgement(observation: Observation, grounds: Grounds): Judgement {
    const evidence = evidenceOf(grounds);
    if (this.#against.length > 0) return { verdict: 'refuted', why: this.#against.join(' '), evidence };
    if (this.#open.length > 0) return { verdict: 'cannot_be_told', why: this.#open.join(' '), evidence };
    return { verdict: 'holds', why: whyHolds(observation, grounds), evidence };
  }
}

function evidenceOf({ baseline }: Grounds): ('answers' | 'count')[] {
  return [
    ...(baseline.answers_tell ? (['answers'] as const) : []),
    ...(baseline.per_key === null ? [] : (['count'] as const)),
  ];
}

function judgeOk(observation: Observation, grounds: Grounds): Judgement {
  const { sendings, counts } = observation;
  const findings = new Findings();
  for (const { heard } of sendings) {
    if (heard.kind !== 'answer') findings.open(`Without any fault ${endInWords(heard)}`);
  }
  const [before, first, second] = counts;
  if (grounds.effect === 'pure') {
    judgeEqual(sendings, grounds.volatile, findings);
    judgeCount(observation, grounds, findings);
  } else if (before !== undefined && first !== undefined && second !== undefined) {
    const [by_first, by_second] = [first - before, second - first];
    if (by_first < 0 || by_second < 0 || (by_second !== by_first && by_second !== 0)) {
      findings.open(
        `The count is not steady: one key added ${by_first}, the next ${by_second}. Is the tool used by somebody else?`,
      );
    }
  }
  return findings.judgement(observation, grounds);
}

/** Sendings under one key: all answered, and all answered the same. */
function judgeAnswers({ case: name, sendings }: Observation, { volatile }: Grounds, findings: Findings): void {
  for (const group of byKey(sendings)) {
    judgeEqual(group, volatile, findings);
    const acted = group.some(({ heard, unheard }) => heard.kind === 'answer' || unheard?.kind === 'answer');
    for (const { heard, unheard, fault } of group) {
      if (unheard?.kind === 'failure') findings.open(`Where nobody heard it, ${endInWords(unheard)}`);
      if (fault !== null || heard.kind === 'answer') continue;
      const may_have_acted = acted || name === 'killed_midway' || name === 'late_arrival';
      judgeSilence(heard, may_have_acted, group.at(-1)!.heard, findings);
    }
  }
}

/** A sending without a fault that got no answer. */
function judgeSilence(heard: Heard, may_have_acted: boolean, last: Heard, findings: Findings): void {
  if (isRefusal(heard) && may_have_acted) {
    return findings.against(
      `Sent again, ${endInWords(heard)} A run takes that for the end of the attempt, and a retry would act again.`,
    );
  }
  if (heard.kind === 'lost' && last.kind === 'answer') return; // it was sent once more and did answer
  if (heard.kind === 'lost' && heard.reason === 'died' && may_have_acted) {
    return findings.against(`Sent again, it ends instead of answering. ${heard.message}`);
  }
  findings.open(`Sent again, ${endInWords(heard)}`);
}

function judgeEqual(group: readonly Sending[], volatile: Volatile, findings: Findings): void {
  const [first, ...others] = answersIn(group);
  if (first === undefined) return;
  for (const other of others) {
    // Files are read only with an answer that is heard.
    const files = group.some(({ unheard }) => unheard === first || unheard === other) ? ['*'] : volatile.files;
    const difference = differenceOf(first, other, { ...volatile, files });
    if (difference === null) continue;
    const key = group[0]!.key;
    findings.against(`Two answers to ${key === null ? 'the same question' : 'one key'}: ${difference}.`);
  }
}

/** The keys of a case add what keys add; a pure call adds nothing. */
function judgeCount({ case: name, sendings, counts }: Observation, grounds: Grounds, findings: Findings): void {
  const { per_key } = grounds.baseline;
  const [before, between] = counts;
  const after = counts.at(-1);
  if (per_key === null || before === undefined || after === undefined) return;
  if (name === 'fail_before' && between !== before) {
    return findings.open(
      `The count went from ${before} to ${between} while nothing was sent: somebody else uses the tool.`,
    );
  }
  const keys = new Set(sendings.flatMap(({ key }) => (key === null ? [] : [key]))).size;
  const expected = keys * per_key;
  const added = after - before;
  if (added === expected) return;
  if (grounds.effect === 'pure')
    return findings.against(`The count of effects went from ${before} to ${after}: it acts.`);
  const under = `${keys} ${keys === 1 ? 'key' : 'keys'}`;
  if (added > expected)
    findings.against(`${under} added ${added} to the count, not ${expected}: it acted more than once.`);
  else findings.against(`${under} added ${added} to the count, not ${expected}: it answered without acting.`);
}

/** J2. Of one sending that was delivered nothing can be doubled, and a question that is put again must only be answered. */
function judgeEvidence({ case: name, sendings }: Observation, { effect, baseline }: Grounds, findings: Findings): void {
  if (baseline.per_key !== null || name === 'fail_before' || effect === 'pure') return;
  if (!baseline.answers_tell) {
    return findings.open(
      'Another key gets the same answer, so equal answers do not tell one effect from two; say how effects are counted (`count`).',
    );
  }
  const compared = byKey(sendings).some((group) => answersIn(group).length > 1);
  if (!compared) findings.open('Of the first sending no answer was seen; say how effects are counted (`count`).');
}

function answersIn(group: readonly Sending[]): Extract<Heard, { kind: 'answer' }>[] {
  return group.flatMap(({ heard, unheard }) =>
    [unheard, heard].flatMap((each) => (each?.kind === 'answer' ? [each] : [])),
  );
}

/** Given, other, given again, all under one key; last the other arguments under a key of their own. */
function judgeOtherArguments(observation: Observation, grounds: Grounds, findings: Findings): void {
  const { sendings, counts } = observation;
  const [given, other, again, control] = sendings;
  if (given === undefined || other === undefined || again === undefined || control === undefined) {
    throw new Error('a case without its sendings');
  }
  if (given.heard.kind !== 'answer') return findings.open(`Without any fault ${endInWords(given.heard)}`);
  if (other.heard.kind === 'answer') {
    findings.against(`It took other arguments under a known key and answered ${shown(other.heard.answer)}.`);
  } else if (!isRefusal(other.heard)) {
    findings.open(`Instead of a refusal ${endInWords(other.heard)}`);
  }
  if (again.heard.kind === 'answer') judgeEqual([given, again], grounds.volatile, findings);
  else findings.against(`After that the first arguments are not answered any more: ${endInWords(again.heard)}`);
  judgeCount({ ...observation, sendings: [given, other, again], counts: counts.slice(0, 2) }, grounds, findings);
  if (control.heard.kind === 'answer' || other.heard.kind === 'answer') return;
  findings.open(
    `The other arguments do not work under a key of their own either (${endInWords(control.heard)}), so their refusal says nothing of keys.`,
  );
}

/** The tool itself said no; other failures are of the way there, or of an answer that cannot be read. */
function isRefusal(heard: Heard): boolean {
  return heard.kind === 'failure' && heard.class === 'tool_failed';
}

function byKey(sendings: readonly Sending[]): Sending[][] {
  const groups = new Map<string | null, Sending[]>();
  for (const sending of sendings) groups.set(sending.key, [...(groups.get(sending.key) ?? []), sending]);
  return [...groups.values()];
}

/** For the end of a sentence, with its period. */
function endInWords(heard: Heard): string {
  if (heard.kind === 'answer') return `it answers ${shown(heard.answer)}.`;
  if (heard.kind === 'failure') return `it fails (${heard.class}): ${heard.message}`;
  return heard.reason === 'timeout' ? `it does not answer in time: ${heard.message}` : `it ends: ${heard.message}`;
}

function whyHolds({ case: name, sendings, counts }: Observation, { effect, baseline }: Grounds): string {
  if (name === 'same_key_other_arguments') {
    const refusal = sendings[1]!.heard;
    return refusal.kind === 'failure' ? `Refused: ${refusal.message}` : 'Refused.';
  }
  const added = (counts.at(-1) ?? 0) - (counts[0] ?? 0);
  if (effect === 'pure') return counts.length > 0 ? 'Equal answers, nothing added to the count.' : 'Equal answers.';
  const keys = new Set(sendings.map(({ key }) => key)).size;
  const counted = baseline.per_key === null ? '' : `, ${added} added to the count`;
  if (name !== 'ok') return `${keys} ${keys === 1 ? 'key' : 'keys'}, equal answers to each${counted}.`;
  return `Two keys, ${baseline.answers_tell ? 'two answers' : 'the same answer'}${counted}.`;
}
