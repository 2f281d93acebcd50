import type { Json, JsonObject } from '../../base/json.ts';
import type { Choice } from '../../ir/drafting.ts';
import { isPlainNumber, parseQuantity, parseUnit, sameDimension, type Unit } from '../../ir/quantity.ts';
import { parseStrictJson } from '../../ir/strict-json.ts';
import { complaintsOf } from '../../plan/check/json-schemas.ts';
import { allowedWords, argumentFields, type Field, type OfferedCall, onlyValue, putAt, unitIn } from './fields.ts';
import { answerName, type KnownAnswer, literal, type Notebook } from './notebook.ts';
import {
  askChoice,
  askMany,
  askNumber,
  askText,
  askYes,
  notConstant,
  notEmpty,
  notExpression,
  notNumber,
  notUnit,
  same,
  type Talk,
} from './talk.ts';

/** Where each argument of a call comes from. `nearer` are answers that only this call can name: those of its job. */
export function* talkArguments(
  id: string,
  call: OfferedCall,
  notebook: Notebook,
  nearer: readonly KnownAnswer[] = [],
): Talk<JsonObject> {
  const given: JsonObject = {};
  for (const field of argumentFields(call)) {
    const only = field.required ? onlyValue(field) : undefined;
    const value =
      only === undefined
        ? yield* talkArgument(`${id}.${field.path.join('.')}`, call, field, notebook, nearer)
        : literal(only);
    if (value !== undefined) putAt(given, field.path, value);
  }
  return given;
}

function* talkArgument(
  id: string,
  call: OfferedCall,
  field: Field,
  notebook: Notebook,
  nearer: readonly KnownAnswer[],
): Talk<Json | undefined> {
  const choices = origins(field, notebook, nearer);
  const about = field.description === '' ? field.kind : `${field.kind}: ${field.description}`;
  const message = `Where does ${field.path.join('.')} of ${call.name} come from? (${about})`;
  const origin = yield* askChoice(id, message, choices, likeliest(field, choices, nearer));
  const known = /^(?:answer|variable|constant) (.+)$/.exec(origin);
  if (known !== null) return inItsUnit(known[1]!, field, notebook);
  switch (origin) {
    case 'new variable':
      return inItsUnit(yield* talkVariable(id, field, notebook), field, notebook);
    case 'new constant':
      return inItsUnit(yield* talkConstant(id, field, notebook), field, notebook);
    case 'expression':
      return `=${yield* askText(`${id}.expression`, 'Which expression?', { problem: notExpression })}`;
    case 'value':
      return literal(yield* talkValue(`${id}.value`, field));
    default:
      return undefined;
  }
}

/** A quantity is passed as its number in its own unit; where the call says that it takes another one, it is converted. */
function inItsUnit(name: string, field: Field, notebook: Notebook): Json {
  const wanted = parseUnit(unitIn(field.description));
  const own = ownUnit(name, notebook);
  if (!wanted.ok || own === null || own.text === wanted.value.text || isPlainNumber(own)) return `=${name}`;
  return sameDimension(own, wanted.value) ? { value: `=${name}`, unit: wanted.value.text } : `=${name}`;
}

function ownUnit(name: string, { constants, variables }: Notebook): Unit | null {
  const constant = constants[name];
  if (typeof constant === 'string') {
    const quantity = parseQuantity(constant);
    return quantity.ok ? quantity.value.unit : null;
  }
  const unit = parseUnit(String(variables[name]?.['unit'] ?? ''));
  return unit.ok ? unit.value : null;
}

function origins(field: Field, notebook: Notebook, nearer: readonly KnownAnswer[]): Choice[] {
  const answers = [...nearer, ...notebook.answers.toReversed()].filter((known) => fits(known.field, field));
  const isPlain = field.kind !== 'list' && field.kind !== 'any' && field.kind !== 'boolean';
  const [variables, constants] = [Object.keys(notebook.variables), Object.keys(notebook.constants)];
  return [
    ...(field.required ? [] : [{ value: 'nothing', label: 'leave it out' }]),
    ...answers.map(({ name }) => ({ value: `answer ${name}`, label: `answer of an earlier call: ${name}` })),
    ...(isPlain ? variables.map((name) => ({ value: `variable ${name}`, label: `variable ${name}` })) : []),
    ...(isPlain ? constants.map((name) => ({ value: `constant ${name}`, label: `constant ${name}` })) : []),
    ...(isPlain ? [{ value: 'new variable', label: 'a new variable: what the study varies' }] : []),
    ...(isPlain ? [{ value: 'new constant', label: 'a new constant: a named quantity' }] : []),
    { value: 'value', label: 'a fixed value' },
    { value: 'expression', label: 'an expression' },
  ];
}

function fits(known: Field, wanted: Field): boolean {
  const kind = (field: Field) => (field.kind === 'integer' ? 'number' : field.kind);
  return wanted.kind === 'any' || known.kind === 'any' || kind(known) === kind(wanted);
}

/** An answer of the same name, then what is left out, then what the kind suggests. */
function likeliest(field: Field, choices: readonly Choice[], nearer: readonly KnownAnswer[]): string {
  const name = field.path.at(-1)!;
  const of_job = nearer.find((known) => known.field.path.at(-1) === name && fits(known.field, field));
  if (of_job !== undefined) return `answer ${of_job.name}`;
  const same_name = choices.find(({ value }) => value.startsWith('answer ') && value.endsWith(`.${name}`));
  if (same_name !== undefined) return same_name.value;
  if (!field.required) return 'nothing';
  return field.kind === 'number' || field.kind === 'integer' ? 'new variable' : 'value';
}

function* talkVariable(id: string, field: Field, notebook: Notebook): Talk<string> {
  const { names } = notebook;
  const name = names.take(
    yield* askText(`${id}.name`, 'Name of the variable?', {
      default: names.like(field.path.at(-1)!),
      problem: names.problem,
    }),
  );
  notebook.variables[name] = yield* field.kind === 'string' ? talkWords(id, field) : talkRange(id, name, field);
  return name;
}

function* talkWords(id: string, field: Field): Talk<JsonObject> {
  const words = allowedWords(field);
  const values =
    words === null
      ? (yield* askText(`${id}.values`, 'Which words, separated by commas?', {
          problem: (text) => listProblem(text, null),
        })).split(',')
      : yield* askMany(`${id}.values`, 'Which of its values?', same(words), { default: words, at_least: 1 });
  return { type: 'choice', values: values.map((value) => value.trim()) };
}

function* talkRange(id: string, name: string, field: Field): Talk<JsonObject> {
  const kinds = [
    { value: 'real', label: 'real: any number in a range' },
    { value: 'integer', label: 'integer: whole numbers in a range' },
    { value: 'ordered', label: 'ordered: a few numbers' },
  ].filter(({ value }) => field.kind === 'number' || value !== 'real');
  const type = yield* askChoice(`${id}.type`, `What kind of variable is ${name}?`, kinds, kinds[0]!.value);
  const unit = yield* askText(`${id}.unit`, `Unit of ${name}? (empty: none)`, {
    default: unitIn(field.description),
    problem: notUnit,
  });
  const common = { type, ...(unit === '' ? {} : { unit }) };
  if (type === 'ordered') {
    const text = yield* askText(`${id}.values`, 'Which numbers, separated by commas?', {
      problem: (answer) => listProblem(answer, notNumber),
    });
    return {
      ...common,
      values: text
        .split(',')
        .map(Number)
        .sort((a, b) => a - b),
    };
  }
  const problem = (answer: string): string | null => {
    if (type === 'integer' && !Number.isSafeInteger(Number(answer))) return 'Write a whole number.';
    return fieldProblem(Number(answer), field);
  };
  const min = yield* askNumber(`${id}.min`, `Least value of ${name}?`, { problem });
  const above = (answer: string) => (Number(answer) > min ? problem(answer) : `It is more than ${min}.`);
  return { ...common, min, max: yield* askNumber(`${id}.max`, `Greatest value of ${name}?`, { problem: above }) };
}

function listProblem(text: string, problem: ((item: string) => string | null) | null): string | null {
  const items = text.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) return 'Write at least one, separated by commas.';
  if (new Set(items).size < items.length) return 'Write each once.';
  return problem === null ? null : (items.map(problem).find((each) => each !== null) ?? null);
}

function* talkConstant(id: string, field: Field, notebook: Notebook): Talk<string> {
  const { names } = notebook;
  const problem = (text: string) =>
    field.kind === 'string' ? notEmpty(text) : (notConstant(text) ?? notNumeric(text));
  const unit = unitIn(field.description);
  const example = field.kind === 'string' ? '' : ` (such as 100${unit === '' ? '' : ` ${unit}`})`;
  const name = names.take(
    yield* askText(`${id}.name`, 'Name of the constant?', {
      default: names.like(field.path.at(-1)!),
      problem: names.problem,
    }),
  );
  const value = yield* askText(`${id}.value`, `Value of ${name}?${example}`, { problem });
  notebook.constants[name] = notNumber(value) === null ? Number(value) : value;
  return name;
}

function notNumeric(text: string): string | null {
  return /^[-+]?\.?[0-9]/.test(text) ? null : 'Write a number, with its unit.';
}

/** A value that the contract takes. */
function* talkValue(id: string, field: Field): Talk<Json> {
  const words = allowedWords(field);
  const name = field.path.join('.');
  if (field.kind === 'boolean') return yield* askYes(id, `Is ${name} true?`, true);
  if (words !== null && field.kind === 'list')
    return yield* askMany(id, `Which for ${name}?`, same(words), { default: words, at_least: 1 });
  if (words !== null) return yield* askChoice(id, `Which ${name}?`, same(words), words[0]);
  const message = field.kind === 'list' || field.kind === 'any' ? `Value of ${name}, as JSON?` : `Value of ${name}?`;
  const problem = (text: string): string | null => {
    const value = readValue(text, field);
    return value === undefined ? 'Write JSON.' : fieldProblem(value, field);
  };
  return readValue(yield* askText(id, message, { problem }), field)!;
}

function readValue(text: string, field: Field): Json | undefined {
  if (field.kind === 'string') return text;
  const parsed = parseStrictJson(text);
  return parsed.ok ? parsed.value.value : undefined;
}

/** What the contract has against a value. */
function fieldProblem(value: Json, { part }: Field): string | null {
  const [first] = complaintsOf(value, part) ?? [];
  return first === undefined ? null : `It ${first.message}. ${first.fix}`;
}

/** The fields of an answer, as later calls name them. */
export function answersOf(owner: string, fields: readonly Field[]): KnownAnswer[] {
  return fields.map((field) => ({ name: answerName(owner, field.path), field }));
}
