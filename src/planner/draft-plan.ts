import type { Json, JsonObject } from '../base/json.ts';
import { PLAN_FORMAT, type Plan } from '../ir/plan.ts';
import { pointerOf } from '../ir/span.ts';
import { type Complaint, complaint } from './complaint.ts';
import type { Draft, DraftPhase, DraftStep } from './draft-schema.ts';

/** What is known besides the draft. */
export interface DraftContext {
  /** The person's own words. */
  readonly goal: string;
  /** Who asks, as the plan names them. */
  readonly person: string;
  /** The plan to start from. */
  readonly base: Plan | null;
}

export interface DraftedPlan {
  /** A value of plan format 1, not checked. */
  readonly plan: JsonObject;
  /** JSON pointer to author, of what is not the model's. */
  readonly not_by_model: ReadonlyMap<string, string>;
  readonly complaints: readonly Complaint[];
}

export const DEFAULT_SEED = 1;

/** From the form that the model fills to a plan: lists of named items become maps, and what a model must not say is carried over. */
export function planOfDraft(draft: Draft, context: DraftContext): DraftedPlan {
  return new Conversion(draft, context).convert();
}

/** Of a step, or of a part of a job. */
type CallWords = Pick<DraftStep, 'call' | 'with' | 'expect' | 'timeout' | 'parse'> & {
  readonly every?: string;
  readonly until?: string;
};

class Conversion {
  readonly #draft: Draft;
  readonly #context: DraftContext;
  readonly #not_by_model = new Map<string, string>();
  readonly #complaints: Complaint[] = [];

  constructor(draft: Draft, context: DraftContext) {
    this.#draft = draft;
    this.#context = context;
  }

  convert(): DraftedPlan {
    const { constants, variables, derived, constraints, pipeline, metrics, study, pools } = this.#draft;
    const { objectives, outcome_constraints, budget, name } = this.#draft;
    this.#not_by_model.set('/expctl', 'default');
    const plan = present({
      expctl: PLAN_FORMAT,
      name,
      goal: this.#goal(),
      assumptions: this.#assumptions(),
      questions: this.#questions(),
      constants: this.#values('constants', constants),
      variables: this.#map(['variables'], variables, ({ name: _, ...variable }) => present(variable)),
      derived: this.#values('derived', derived),
      constraints,
      pipeline: this.#map(['pipeline'], pipeline, (step) => this.#step(step)),
      metrics: this.#map(['metrics'], metrics, ({ name: _, ...metric }) => present(metric)),
      objectives: objectives?.map((objective) => present(objective)),
      outcome_constraints,
      study: study.map((phase, at) => this.#phase(phase, at)),
      pools: this.#values('pools', pools),
      budget: budget === undefined ? undefined : present(budget),
    });
    return { plan, not_by_model: this.#not_by_model, complaints: this.#complaints };
  }

  /** A model does not get to say what a person wants, unless there is a plan whose goal no longer fits. */
  #goal(): string {
    const { base, goal, person } = this.#context;
    if (base === null) {
      this.#not_by_model.set('/goal', person);
      return goal;
    }
    return this.#draft.goal ?? base.goal;
  }

  #assumptions(): Json[] | undefined {
    const known = this.#context.base?.assumptions ?? [];
    const texts = this.#draft.assumptions;
    if (texts === undefined) return undefined;
    return texts.map((text) => {
      const same = known.find((remark) => remark.text === text);
      return same === undefined ? { text, by: 'model' } : present(same);
    });
  }

  /** Questions of the plan to start from stay, with their answers; the model can add, but neither answer nor remove. */
  #questions(): Json[] | undefined {
    const known = this.#context.base?.questions ?? [];
    const more = (this.#draft.questions ?? []).filter((text) => known.every((question) => question.text !== text));
    const all = [...known.map((question) => present(question)), ...more.map((text) => ({ text, by: 'model' }))];
    return all.length === 0 ? undefined : all;
  }

  /** The words of a step in the order in which people write them. */
  #step({ name, description, job, needs, when, uses, retry, ...words }: DraftStep): JsonObject {
    const path = ['pipeline', name];
    return present({
      description,
      ...this.#call(words, path),
      job:
        job === undefined
          ? undefined
          : present({
              submit: this.#call(job.submit, [...path, 'job', 'submit']),
              poll: this.#call(job.poll, [...path, 'job', 'poll']),
              fetch: job.fetch === undefined ? undefined : this.#call(job.fetch, [...path, 'job', 'fetch']),
            }),
      needs,
      when,
      uses: this.#values([...path, 'uses'], uses),
      retry: retry === undefined ? undefined : present(retry),
    });
  }

  #call({ call, with: given, every, until, expect, timeout, parse }: CallWords, path: readonly string[]): JsonObject {
    return present({ call, with: this.#values([...path, 'with'], given), every, until, expect, timeout, parse });
  }

  #phase({ phase, design, gate, decide }: DraftPhase, at: number): JsonObject {
    return present({
      phase,
      design: design === undefined ? undefined : this.#design(design, at),
      gate: gate === undefined ? undefined : present(gate),
      decide: decide?.map((rule) => present(rule)),
    });
  }

  #design(design: NonNullable<DraftPhase['design']>, at: number): JsonObject {
    const path = ['study', at, 'design'];
    const { latin_hypercube, sobol, full_factorial, table } = design;
    if (table !== undefined) this.#requireKnownFile(table.file, [...path, 'table', 'file']);
    return present({
      ...design,
      latin_hypercube: this.#seeded(latin_hypercube, [...path, 'latin_hypercube', 'seed']),
      sobol: sobol?.scramble === false ? present(sobol) : this.#seeded(sobol, [...path, 'sobol', 'seed']),
      full_factorial: full_factorial === undefined ? undefined : { levels: this.#levels(full_factorial.levels, path) },
    });
  }

  #levels(levels: number | { name: string; value: number }[], path: readonly (string | number)[]): Json {
    return typeof levels === 'number' ? levels : (this.#values([...path, 'full_factorial', 'levels'], levels) ?? {});
  }

  /** A seed that the model leaves out is ours. */
  #seeded(generator: { seed?: number | undefined } | undefined, path: readonly (string | number)[]): Json | undefined {
    if (generator === undefined) return undefined;
    if (generator.seed === undefined) this.#not_by_model.set(pointerOf(path), 'default');
    return present({ ...generator, seed: generator.seed ?? DEFAULT_SEED });
  }

  /** A model must not make expctl read a file: what `check` says of it would go back to the model. */
  #requireKnownFile(file: string, path: readonly (string | number)[]): void {
    const known = this.#context.base?.study.some(({ design }) => design?.table?.file === file) ?? false;
    if (known) return;
    const message = 'A draft may only name a design table that the plan to start from names already.';
    this.#complaints.push(complaint('DRAFT_FILE', path, message, 'Use latin_hypercube, sobol or full_factorial.'));
  }

  #values(
    path: string | readonly (string | number)[],
    items: readonly { name: string; value?: unknown }[] | undefined,
  ) {
    return this.#map(typeof path === 'string' ? [path] : path, items, ({ value }) => value as Json);
  }

  #map<T extends { readonly name: string }>(
    path: readonly (string | number)[],
    items: readonly T[] | undefined,
    convert: (item: T) => Json,
  ): JsonObject | undefined {
    if (items === undefined) return undefined;
    const seen = new Map<string, Json>();
    for (const item of items) {
      if (seen.has(item.name)) {
        const message = `\`${item.name}\` is there twice.`;
        this.#complaints.push(
          complaint('DRAFT_TWICE', [...path, item.name], message, 'Remove or rename one of the two.'),
        );
      }
      seen.set(item.name, convert(item));
    }
    return Object.fromEntries(seen);
  }
}

/** Without the members that are undefined. */
function present(value: object): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as JsonObject;
}
