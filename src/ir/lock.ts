import * as z from 'zod';
import { LOCK_FORMAT } from './lock-format.ts';
import { EffectKind, PinnedTool } from './tools.ts';

/*
 * The lock: canonical bytes of everything that will run. What is hashed, shown, signed and executed are these bytes. Nothing is
 * optional and nothing has a default here: what a plan leaves out is written out. Durations are seconds.
 */

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Value = z.union([z.number(), z.string(), z.boolean()]);
const Arguments = z.record(z.string(), z.unknown());

export const LockedCall = z.strictObject({
  call: z.string(),
  with: Arguments,
  timeout_s: z.number(),
  expect: z.array(z.string()),
  parse: z.literal('json').nullable(),
  effect: EffectKind,
});

export const LockedStep = z.strictObject({
  name: z.string(),
  description: z.string(),
  /** Steps that come first: those named by `needs` and those whose answers are used. */
  needs: z.array(z.string()),
  when: z.string().nullable(),
  uses: z.record(z.string(), z.number()),
  retry: z.strictObject({ attempts: z.number(), backoff_s: z.number(), on: z.array(z.string()) }),
  call: LockedCall.nullable(),
  job: z
    .strictObject({
      submit: LockedCall,
      poll: z.strictObject({ ...LockedCall.shape, every_s: z.number(), until: z.string() }),
      fetch: LockedCall.nullable(),
    })
    .nullable(),
});

/** A design table: a content-addressed file beside the lock, canonical JSON `{columns, rows}`. */
export const LockedTable = z.strictObject({
  /** Phase, or phase#n for the n-th extension that a decision may ask for. */
  id: z.string(),
  sha256: Sha256,
  rows: z.number(),
  /** Number of the first point; points are numbered from 1 through all tables in order. */
  first_point: z.number(),
  generator: z.record(z.string(), z.unknown()),
  quality: z.strictObject({
    min_distance: z.number().nullable(),
    centered_discrepancy: z.number().nullable(),
    max_abs_correlation: z.number().nullable(),
    latin: z.boolean(),
  }),
});

/** What a decide rule does. */
export const LockedAction = z.union([
  z.strictObject({ do: z.enum(['stop', 'next']) }),
  z.strictObject({ do: z.literal('goto'), phase: z.string() }),
  /** Evaluates the points of the tables in order, one table each time the rule fires. */
  z.strictObject({ do: z.literal('extend'), phase: z.string(), points: z.number(), tables: z.array(z.string()) }),
]);

export const LockedPhase = z.strictObject({
  phase: z.string(),
  /** Tables to evaluate: the n-th visit of the phase takes the n-th; a later visit finds nothing to do. */
  design: z.strictObject({ tables: z.array(z.string()) }).nullable(),
  gate: z
    .strictObject({
      role: z.string(),
      ask: z.string(),
      evidence: z.array(z.string()),
      outcomes: z.array(z.enum(['continue', 'stop'])),
      timeout_s: z.number().nullable(),
    })
    .nullable(),
  decide: z
    .array(
      z.strictObject({
        /** null: always (`else`). */
        if: z.string().nullable(),
        action: LockedAction,
        at_most: z.number().nullable(),
        because: z.string(),
      }),
    )
    .nullable(),
});

export const LockedVariable = z.strictObject({
  name: z.string(),
  type: z.enum(['real', 'integer', 'ordered', 'choice']),
  unit: z.string(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  values: z.array(z.union([z.number(), z.string()])).nullable(),
  scale: z.enum(['linear', 'log']),
  description: z.string(),
});

export const Forecast = z.strictObject({
  /** The most of each that this lock can cause, retries included; polls are not calls. */
  points: z.number(),
  calls: z.number(),
  calls_per_point: z.number(),
  jobs: z.number(),
  gates: z.number(),
  /** Pool to the most token-hours, by time-outs. */
  pool_hours: z.record(z.string(), z.number()),
});

export const LockedTool = z.strictObject({
  name: z.string(),
  /** SHA-256 of the canonical JSON of `pinned`. */
  pin: Sha256,
  /** Only the calls that the plan uses, and the version probe. */
  pinned: PinnedTool,
});

export const Lock = z.strictObject({
  expctl_lock: z.literal(LOCK_FORMAT),
  semantics: z.number(),
  name: z.string(),
  goal: z.string(),
  assumptions: z.array(z.strictObject({ text: z.string(), by: z.string() })),
  questions: z.array(z.strictObject({ text: z.string(), answer: z.string(), by: z.string() })),
  drafted: z
    .strictObject({ model: z.string(), prompt_sha256: Sha256, fields: z.record(z.string(), z.string()) })
    .nullable(),
  environment: z.strictObject({
    name: z.string(),
    class: z.enum(['sandbox', 'production']),
    pools: z.record(z.string(), z.number()),
    sha256: Sha256,
  }),
  /** In plan order, as the other lists. Quantities: value and unit; words and true/false: unit null. */
  constants: z.array(z.strictObject({ name: z.string(), value: Value, unit: z.string().nullable() })),
  variables: z.array(LockedVariable),
  derived: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  constraints: z.array(z.string()),
  pipeline: z.array(LockedStep),
  metrics: z.array(
    z.strictObject({
      name: z.string(),
      value: z.string(),
      unit: z.string(),
      plausible: z.tuple([z.number(), z.number()]).nullable(),
      description: z.string(),
    }),
  ),
  objectives: z.array(z.strictObject({ metric: z.string(), sense: z.enum(['minimize', 'maximize']) })),
  outcome_constraints: z.array(z.string()),
  study: z.array(LockedPhase),
  tables: z.array(LockedTable),
  pools: z.record(z.string(), z.number()),
  /** The most points under evaluation at once. */
  in_flight: z.number(),
  budget: z.strictObject({
    points: z.number(),
    calls: z.number(),
    wall_time_s: z.number().nullable(),
    failed_points: z.number().nullable(),
  }),
  tools: z.array(LockedTool),
  /** What a reader should know and the plan does not say: literals that took a unit, defaults, calls that cannot be recovered. */
  notes: z.array(z.string()),
  forecast: Forecast,
});

export type Lock = z.infer<typeof Lock>;
export type LockedStep = z.infer<typeof LockedStep>;
export type LockedCall = z.infer<typeof LockedCall>;
export type LockedPhase = z.infer<typeof LockedPhase>;
export type LockedTable = z.infer<typeof LockedTable>;
export type LockedAction = z.infer<typeof LockedAction>;
export type LockedVariable = z.infer<typeof LockedVariable>;
export type LockedTool = z.infer<typeof LockedTool>;
export type Forecast = z.infer<typeof Forecast>;

/** The file of a design table. Rows hold the variables' values in column order. */
export const DesignTable = z.strictObject({
  columns: z.array(z.string()),
  rows: z.array(z.array(z.union([z.number(), z.string()]))),
});
export type DesignTable = z.infer<typeof DesignTable>;
