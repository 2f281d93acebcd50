import type { JsonObject } from '../../base/json.ts';
import type { Choice } from '../../ir/drafting.ts';
import { answersOf, talkArguments } from './arguments.ts';
import { allowedWords, answerFields, argumentFields, type OfferedCall } from './fields.ts';
import { type Notebook, quoted } from './notebook.ts';
import { askChoice, askMany, askText, askYes, notDuration, notEmpty, notExpression, same, type Talk } from './talk.ts';

const DONE = 'done';
/** More steps than this are not asked for, one by one. */
const MOST_STEPS = 60;

/** Which calls evaluate a point, in which order, and with which arguments. */
export function* talkSteps(calls: readonly OfferedCall[], notebook: Notebook): Talk<void> {
  for (let number = 1; number <= MOST_STEPS; number++) {
    const which = number === 1 ? 'first' : 'next';
    const choices = [...(number === 1 ? [] : [{ value: DONE, label: 'no more calls' }]), ...calls.map(asChoice)];
    const name = yield* askChoice(
      `call.${number}`,
      `Which call comes ${which}?`,
      choices,
      number === 1 ? undefined : DONE,
    );
    const call = calls.find((each) => each.name === name);
    if (call === undefined) return;
    yield* talkStep(`call.${number}`, call, calls, notebook);
  }
}

function asChoice({ name, pinned }: OfferedCall): Choice {
  const [sentence = ''] = pinned.description.split(/(?<=\.)\s/);
  return { value: name, label: sentence === '' ? name : `${name}: ${sentence.slice(0, 60)}` };
}

function* talkStep(id: string, call: OfferedCall, calls: readonly OfferedCall[], notebook: Notebook): Talk<void> {
  const { names } = notebook;
  const word = call.name.slice(call.name.indexOf('/') + 1).split('.')[0]!;
  const step = names.take(
    yield* askText(`${id}.name`, `Name of the step that calls ${call.name}?`, {
      default: names.like(word),
      problem: names.problem,
    }),
  );
  const looks = calls.filter(({ pinned }) => pinned.effect === 'pure');
  const canBeJob = call.pinned.effect !== 'pure' && looks.some((look) => takesAnswerOf(look, call));
  const question = `Does ${call.name} only start work, whose state another call tells?`;
  if (canBeJob && (yield* askYes(`${step}.job`, question, /submit|start|launch/i.test(call.name)))) {
    notebook.pipeline[step] = { job: yield* talkJob(step, call, looks, notebook) };
    return;
  }
  const given = yield* talkArguments(step, call, notebook);
  notebook.pipeline[step] = { call: call.name, ...withArguments(given) };
  notebook.answers.push(...answersOf(step, answerFields(call)));
}

/** Whether a call takes what another one answers, by the names; one that does not tell its answer may. */
function takesAnswerOf(look: OfferedCall, call: OfferedCall): boolean {
  const answered = answerFields(call).map(({ path }) => path.join('.'));
  return answered.length === 0 || argumentFields(look).some(({ path }) => answered.includes(path.join('.')));
}

function withArguments(given: JsonObject): JsonObject {
  return Object.keys(given).length === 0 ? {} : { with: given };
}

function* talkJob(
  step: string,
  submit: OfferedCall,
  looks: readonly OfferedCall[],
  notebook: Notebook,
): Talk<JsonObject> {
  const submitted = yield* talkArguments(`${step}.submit`, submit, notebook);
  const own = answersOf('submit', answerFields(submit));
  const polling = yield* talkPoll(step, submit, looks);
  const polled = yield* talkArguments(`${step}.poll`, polling.call, notebook, own);
  const fetch = yield* talkFetch(step, polling.call, looks);
  const job: JsonObject = {
    submit: { call: submit.name, ...withArguments(submitted) },
    poll: { call: polling.call.name, ...withArguments(polled), ...polling.words },
  };
  if (fetch !== null) {
    const all = [...own, ...answersOf('poll', answerFields(polling.call))];
    job['fetch'] = { call: fetch.name, ...withArguments(yield* talkArguments(`${step}.fetch`, fetch, notebook, all)) };
  }
  notebook.answers.push(...answersOf(step, answerFields(fetch ?? polling.call)));
  return job;
}

function* talkPoll(
  step: string,
  submit: OfferedCall,
  looks: readonly OfferedCall[],
): Talk<{ call: OfferedCall; words: JsonObject }> {
  const likely = likelyLook(looks, submit, /wait|poll|stat/i);
  const name = yield* askChoice(`${step}.poll`, 'Which call tells its state?', looks.map(asChoice), likely?.name);
  const call = looks.find((each) => each.name === name)!;
  const state = answerFields(call).find(
    (field) => field.kind === 'string' && allowedWords(field) !== null && field.path.length === 1,
  );
  const ends = yield* state === undefined ? talkUntil(step) : talkStates(step, state.path[0]!, allowedWords(state)!);
  const every = yield* askText(`${step}.every`, 'How often is it asked?', { default: '2s', problem: notDuration });
  const timeout = yield* askText(`${step}.timeout`, 'How long may the whole job take?', {
    default: '1h',
    problem: notDuration,
  });
  return { call, words: { every, ...ends, timeout } };
}

/** A call of the same tool, by its name. */
function likelyLook(looks: readonly OfferedCall[], near: OfferedCall, words: RegExp): OfferedCall | undefined {
  const tool = near.name.slice(0, near.name.indexOf('/') + 1);
  return looks.find(({ name }) => name.startsWith(tool) && words.test(name.slice(tool.length)));
}

function* talkStates(step: string, field: string, words: readonly string[]): Talk<JsonObject> {
  const ends = words.filter((word) => !/run|wait|pend|queue|submit|start|active/i.test(word));
  const ended = yield* askMany(`${step}.ended`, `Which values of ${field} mean that the job has ended?`, same(words), {
    default: ends,
    at_least: 1,
  });
  const good = ended.find((word) => /done|finish|succe|complet|ok/i.test(word)) ?? ended[0];
  const succeeded = yield* askChoice(`${step}.succeeded`, 'Which of them means success?', same(ended), good);
  return { until: `${field} in [${ended.map(quoted).join(', ')}]`, expect: [`${field} == ${quoted(succeeded)}`] };
}

function* talkUntil(step: string): Talk<JsonObject> {
  const problem = (text: string) => notEmpty(text) ?? notExpression(text);
  const until = yield* askText(`${step}.until`, 'Which condition on its answer means that the job has ended?', {
    problem,
  });
  const expected = yield* askText(`${step}.expect`, 'Which condition means success? (empty: any end)', {
    default: '',
    problem: (text) => (text === '' ? null : notExpression(text)),
  });
  return { until, ...(expected === '' ? {} : { expect: [expected] }) };
}

function* talkFetch(step: string, poll: OfferedCall, looks: readonly OfferedCall[]): Talk<OfferedCall | null> {
  const others = looks.filter(({ name }) => name !== poll.name);
  const choices = [{ value: 'none', label: 'none: the state tells all' }, ...others.map(asChoice)];
  const likely = likelyLook(others, poll, /fetch|result|get|output/i);
  const name = yield* askChoice(`${step}.fetch`, 'Which call fetches the result?', choices, likely?.name ?? 'none');
  return others.find((each) => each.name === name) ?? null;
}
