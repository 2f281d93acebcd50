import * as z from 'zod';
import type { JsonObject } from '../base/json.ts';
import {
  DecideRule,
  Design,
  Duration,
  Expression,
  Gate,
  Metric,
  Name,
  Plan,
  Retry,
  ToolCallName,
  Variable,
} from '../ir/plan.ts';

/*
 * The form in which a model is asked for a plan: plan format 1, but with lists of named items in place of maps, since a model
 * keeps to a schema better when it has no free keys. It has no place for what a model must not write: tools, environments, trust,
 * secrets, input files, answers to questions, authors. Unknown keys are refused, and every list and text has a bound.
 */

const Line = z.string().min(1).max(1000);
const Named = { name: Name };
const NamedNumber = z.strictObject({ ...Named, value: z.number().positive() });

const Arguments = z
  .array(
    z.strictObject({
      name: z.string().min(1).max(200).meta({ description: 'Name of the argument, as in the contract of the call.' }),
      value: z.unknown().meta({
        description:
          'A JSON value. A string that begins with `=` is an expression, such as `=width` or `=cad.cad_rev_id`.',
      }),
    }),
  )
  .max(60);

const CallWords = {
  call: ToolCallName,
  with: Arguments.optional(),
  timeout: Duration.optional(),
  expect: z.array(Expression).max(20).optional(),
  parse: z.literal('json').optional(),
};

const Job = z
  .strictObject({
    submit: z.strictObject(CallWords),
    poll: z.strictObject({ ...CallWords, every: Duration, until: Expression }),
    fetch: z.strictObject(CallWords).optional(),
  })
  .meta({ description: 'For calls that only start work: submit, poll until ended, fetch.' });

const Step = z.strictObject({
  ...Named,
  description: Line.optional(),
  ...CallWords,
  call: ToolCallName.optional(),
  job: Job.optional(),
  needs: z.array(Name).max(30).optional(),
  when: Expression.optional(),
  uses: z.array(NamedNumber).max(10).optional().meta({ description: 'Tokens of pools held while the step is out.' }),
  retry: Retry.omit({ with: true, restart: true }).optional(),
});

/** Points of one design that a draft may ask for; more are a person's decision. */
const MOST_POINTS = 10_000;
const Points = z.int().min(1).max(MOST_POINTS);
const Seed = z.int().min(0).max(4_294_967_295).optional();

const DraftDesign = z
  .strictObject({
    latin_hypercube: z
      .strictObject({ points: Points, seed: Seed, optimize: z.enum(['none', 'maximin']).optional() })
      .optional(),
    sobol: z
      .strictObject({ points: Points, seed: Seed, scramble: z.boolean().optional(), skip: z.int().min(0).optional() })
      .optional(),
    full_factorial: z
      .strictObject({
        levels: z.union([
          z.int().min(2).max(100),
          z.array(z.strictObject({ ...Named, value: z.int().min(2).max(100) })).max(50),
        ]),
      })
      .optional(),
    table: Design.shape.table.meta({ description: 'Only a file that the plan to start from names already.' }),
    extend: Name.optional().meta({ description: 'Earlier design phase to which `points` new points are added.' }),
    points: Points.optional().meta({ description: 'With `extend` only.' }),
  })
  .meta({ description: 'Exactly one generator, or `extend` with `points`.' });

const DraftPhase = z.strictObject({
  phase: Name,
  design: DraftDesign.optional(),
  gate: Gate.omit({ quorum: true }).optional(),
  decide: z.array(DecideRule).min(1).max(20).optional(),
});

const COMMON = {
  name: Plan.shape.name.meta({ description: 'Short name of the plan: small letters, digits, . _ and -.' }),
  assumptions: z.array(Line).max(40).optional().meta({ description: 'What you took for granted; one sentence each.' }),
  questions: z.array(Line).max(40).optional().meta({
    description: 'What only a person can say and the plan depends on. You cannot answer them.',
  }),
  constants: z
    .array(z.strictObject({ ...Named, value: Plan.shape.constants.unwrap().valueType }))
    .max(100)
    .optional(),
  variables: z.array(z.strictObject({ ...Named, ...Variable.shape })).max(50),
  derived: z
    .array(z.strictObject({ ...Named, value: Expression }))
    .max(50)
    .optional(),
  constraints: z.array(Expression).max(50).optional(),
  pipeline: z.array(Step).min(1).max(60),
  metrics: z
    .array(
      z.strictObject({
        ...Named,
        ...Metric.shape,
        plausible: z.array(z.number()).length(2).optional().meta({
          description: 'Least and greatest believable value, in the unit.',
        }),
      }),
    )
    .max(60),
  objectives: Plan.shape.objectives,
  outcome_constraints: z.array(Expression).max(50).optional(),
  study: z.array(DraftPhase).min(1).max(30),
  pools: z.array(NamedNumber).max(20).optional(),
  budget: Plan.shape.budget,
};

/** A draft from nothing: the goal is the person's own words. */
export const Draft = z.strictObject(COMMON);
/** A draft that starts from a plan: the goal may have to follow what the person asks. */
export const RevisedDraft = z.strictObject({
  ...COMMON,
  goal: z.string().min(1).max(4000).optional().meta({ description: 'The goal in one sentence, if it changes.' }),
});
export type Draft = z.infer<typeof RevisedDraft>;
export type DraftStep = Draft['pipeline'][number];
export type DraftPhase = Draft['study'][number];

/** The schema of the one tool that the model is made to call. */
export function draftInputSchema(isRevision: boolean): JsonObject {
  const { $schema: _, ...schema } = z.toJSONSchema(isRevision ? RevisedDraft : Draft, { io: 'input' });
  return JSON.parse(JSON.stringify(schema)) as JsonObject;
}
