import { ExpctlError } from '../../base/error.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { Answer, Question } from '../../ir/drafting.ts';
import type { Environment } from '../../ir/environment.ts';
import { Plan, PLAN_FORMAT } from '../../ir/plan.ts';
import type { ToolsLock } from '../../ir/tools.ts';
import { offeredCalls } from './fields.ts';
import { Notebook } from './notebook.ts';
import { talkSteps } from './steps.ts';
import { talkAims, talkMetrics, talkPools, talkStudy } from './study.ts';
import { askText, type Talk } from './talk.ts';

export interface InterviewInput {
  readonly tools: ToolsLock;
  readonly environment: Environment;
  /** Proposed as the plan's name. */
  readonly name: string;
}

/** The whole interview: from the pinned contracts and a person's answers to a plan. No model, no I/O. */
export function* talkPlan({ tools, environment, name }: InterviewInput): Talk<JsonObject> {
  const proposed =
    name
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '')
      .slice(0, 64) || 'experiment';
  const named = yield* askText('name', 'Name of the plan?', { default: proposed, problem: nameProblem });
  const goal = yield* askText('goal', 'What is the experiment for? (a sentence)');
  const notebook = new Notebook();
  yield* talkSteps(offeredCalls(tools), notebook);
  const metrics = yield* talkMetrics(notebook);
  const aims = yield* talkAims(metrics);
  const { constraints, study } = yield* talkStudy(notebook.variables);
  const { pools } = yield* talkPools(notebook, environment);
  const { constants, variables, pipeline } = notebook;
  return {
    expctl: PLAN_FORMAT,
    name: named,
    goal,
    ...(Object.keys(constants).length === 0 ? {} : { constants }),
    variables,
    ...(constraints === undefined ? {} : { constraints }),
    pipeline,
    metrics,
    ...aims,
    study: study!,
    ...(pools === undefined ? {} : { pools }),
  };
}

function nameProblem(text: string): string | null {
  return Plan.shape.name.safeParse(text).success ? null : 'A name holds small letters, digits, . _ and - (at most 64).';
}

/** Gives the answer to a question; rejects to end the interview. */
export type Ask = (question: Question) => Promise<Answer>;

/** Holds the interview; what was answered is kept by id, as an answers file holds it. */
export async function holdInterview(
  talk: Talk<JsonObject>,
  ask: Ask,
): Promise<{ plan: JsonObject; answers: Record<string, Json> }> {
  const answers: Record<string, Json> = {};
  let next = talk.next();
  while (next.done !== true) {
    const question = next.value;
    const answer = await ask(question);
    const problem = answerProblem(question, answer);
    if (problem !== null) throw badAnswer(question, problem);
    answers[question.id] = Array.isArray(answer) ? [...(answer as readonly string[])] : (answer as string | boolean);
    next = talk.next(answer);
  }
  return { plan: next.value, answers };
}

/** What is wrong with an answer, in a sentence; null if nothing is. */
export function answerProblem(question: Question, answer: Answer): string | null {
  switch (question.kind) {
    case 'text':
      return typeof answer === 'string' ? question.problem(answer) : 'It is a text.';
    case 'yes':
      return typeof answer === 'boolean' ? null : 'It is true or false.';
    case 'choice':
      return question.choices.some(({ value }) => value === answer) ? null : `It is one of ${choicesOf(question)}.`;
    case 'many': {
      if (!Array.isArray(answer)) return 'It is a list.';
      const unknown = answer.find((each) => !question.choices.some(({ value }) => value === each));
      if (unknown !== undefined) return `\`${unknown}\` is none of ${choicesOf(question)}.`;
      return answer.length >= question.at_least
        ? null
        : `It has at least ${question.at_least} of ${choicesOf(question)}.`;
    }
  }
}

function choicesOf({ choices }: Extract<Question, { kind: 'choice' | 'many' }>): string {
  return choices.map(({ value }) => `\`${value}\``).join(', ');
}

function badAnswer({ id, message }: Question, problem: string): ExpctlError {
  return new ExpctlError('USAGE', `The answer to \`${id}\` does not do. ${problem}`, {
    hint: `The question: ${message}`,
  });
}

/** Answers from a file: those that it does not give are taken by default. */
export class WrittenAnswers {
  readonly #given: ReadonlyMap<string, Json>;
  readonly #used = new Set<string>();

  constructor(value: Json) {
    this.#given = new Map(flattened(value, ''));
  }

  readonly ask: Ask = async (question) => {
    this.#used.add(question.id);
    const given = this.#given.get(question.id);
    if (given !== undefined) return asAnswer(question, given);
    if (question.default !== undefined) return question.default;
    const choices = question.kind === 'choice' ? ` One of ${choicesOf(question)}.` : '';
    const hint = `Add \`${question.id}\` to the answers: ${question.message}${choices}`;
    throw new ExpctlError('USAGE', `The answers do not say \`${question.id}\`.`, { hint });
  };

  /** Answers to questions that were not asked are mistakes. */
  check(): Result<void> {
    const unused = [...this.#given.keys()].filter((id) => !this.#used.has(id));
    if (unused.length === 0) return ok(undefined);
    const hint = 'Remove them, or look at how their names are spelt; docs/planner.md lists them.';
    return err(
      new ExpctlError('USAGE', `No question is called ${unused.map((id) => `\`${id}\``).join(', ')}.`, { hint }),
    );
  }
}

/** Maps within maps are the same as names with dots. */
function flattened(value: Json, id: string): [string, Json][] {
  if (!isJsonObject(value)) return [[id, value]];
  return Object.entries(value).flatMap(([key, member]) => flattened(member, id === '' ? key : `${id}.${key}`));
}

function asAnswer({ kind }: Question, given: Json): Answer {
  if (kind === 'yes' && typeof given === 'boolean') return given;
  if (kind === 'many') return (Array.isArray(given) ? given : [given]).map(String);
  return given === null ? '' : typeof given === 'object' ? JSON.stringify(given) : String(given);
}
