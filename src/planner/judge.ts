import type { Json } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import { utf8 } from '../base/sha256.ts';
import type { Environment } from '../ir/environment.ts';
import { Plan } from '../ir/plan.ts';
import type { Problem } from '../ir/problem.ts';
import { parseStrictJson } from '../ir/strict-json.ts';
import type { ToolsLock } from '../ir/tools.ts';
import { type CheckOutput, checkPlan } from '../plan/check.ts';
import { Reporter } from '../plan/check/reporter.ts';
import { reportIssues } from '../plan/check/schema-issues.ts';
import { readSource, type Source } from '../plan/source.ts';
import { type Complaint, complaint } from './complaint.ts';
import { type DraftContext, planOfDraft, type DraftedPlan } from './draft-plan.ts';
import { Draft, RevisedDraft } from './draft-schema.ts';
import { planYaml } from './plan-yaml.ts';
import type { ModelAnswer } from './ports.ts';

/** What a plan is checked against. */
export interface Site {
  readonly tools: ToolsLock;
  readonly environment: Environment;
  /** Bytes of a file that the plan to start from names, its path relative to the plan. */
  readonly file: (relative_path: string) => Uint8Array | undefined;
}

/** What came of one answer. */
export interface Judgement {
  /** null: the answer holds no plan at all. */
  readonly drafted: DraftedPlan | null;
  /** Of the plan as a YAML file, warnings included; empty where there is no plan. */
  readonly problems: readonly Problem[];
  /** What keeps the answer from being a valid plan, in the words that the model is told. */
  readonly complaints: readonly Complaint[];
}

/** Judges an answer: is it one, does it keep to the form, and is the plan valid? */
export function judgeAnswer(answer: ModelAnswer, context: DraftContext, site: Site): Judgement {
  const fault = faultOf(answer);
  if (fault !== null || answer.input_json === null) return { drafted: null, problems: [], complaints: [fault!] };
  const source = readSource('draft.json', utf8(answer.input_json));
  if (!source.ok) return { drafted: null, problems: [], complaints: source.error };
  const draft = readDraft(source.value, context.base !== null);
  if (Array.isArray(draft)) return { drafted: null, problems: [], complaints: draft };
  const drafted = planOfDraft(draft as Draft, context);
  const { problems } = checkValue(drafted.plan, site);
  const errors = problems.filter(({ severity }) => severity === 'error');
  return { drafted, problems, complaints: [...drafted.complaints, ...errors] };
}

/** Checks a plan as the file that it will be. */
export function checkValue(plan: DraftedPlan['plan'], site: Site): CheckOutput {
  const source = readSource('draft.plan.yaml', utf8(planYaml(plan)));
  if (!source.ok) return { problems: source.error, notes: [], checked: null };
  return checkPlan({ plan: source.value, ...site });
}

/** What is wrong with an answer before anything in it is read. */
function faultOf({ stop_reason, input_json, text, usage }: ModelAnswer): Complaint | null {
  if (stop_reason === 'refusal') {
    const fix = 'If a part of it cannot be planned, leave that part out and ask a question about it.';
    return complaint('REFUSED', [], 'The answer is a refusal instead of a plan.', fix);
  }
  if (stop_reason === 'max_tokens' || stop_reason === 'model_context_window_exceeded') {
    const message = `The answer was cut off after ${usage.output_tokens} tokens (${stop_reason}).`;
    return complaint('TRUNCATED', [], message, 'Draft a smaller plan: fewer steps, shorter texts, no optional parts.');
  }
  if (input_json !== null) return null;
  const message = text.trim() === '' ? 'The answer is empty.' : 'The answer is prose instead of a call of submit_plan.';
  return complaint('PROSE', [], message, 'Call the tool submit_plan, with the plan as its input.');
}

function readDraft(source: Source, isRevision: boolean): Draft | Complaint[] {
  const value = withoutNulls(source.value);
  const schema = isRevision ? RevisedDraft : Draft;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const report = new Reporter(source);
  reportIssues(schema, value, parsed.error.issues, report);
  return report.problems();
}

/** A null where nothing is meant is left out; within the value of an argument it is meant. */
function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const isArgument = Object.hasOwn(value, 'value') && Object.hasOwn(value, 'name');
  const kept = Object.entries(value).filter(([, member]) => member !== null || isArgument);
  return Object.fromEntries(
    kept.map(([key, each]) => [key, isArgument && key === 'value' ? each : withoutNulls(each)]),
  );
}

/** The plan to start from, as far as a draft can: every part of it must be built. */
export function readBase(
  source: Source,
  site: Site,
): { plan: Plan; complaints: Complaint[] } | { problems: Problem[] } {
  const { problems } = checkPlan({ plan: source, ...site });
  const parsed = Plan.safeParse(source.value);
  const refused = problems.filter(({ code }) => code === 'NOT_YET');
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (!parsed.success || refused.length > 0) return { problems: refused.length > 0 ? refused : errors };
  return { plan: parsed.data, complaints: errors };
}

/** The value of JSON text, for people who read a transcript; the text itself where it is none. */
export function readableJson(text: string): Json {
  const parsed = parseStrictJson(text);
  return parsed.ok ? parsed.value.value : text;
}
