import * as z from 'zod';

/*
 * Plan format 1. This schema is the source of the types, of the published JSON Schema, of the reference page and of what the
 * model is asked to produce. What a schema cannot say (unknown names, cycles, units) is a named rule in src/plan/check/.
 * Words that are in the format but not built yet are here too, so that they are refused by name (NOT_YET) and never ignored.
 */

export const Name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'a name begins with a letter and holds letters, digits and _ (at most 64)')
  .meta({ description: 'A name: a letter, then letters, digits and `_`.' });

export const Expression = z.string().min(1).max(4096).meta({
  description: "An expression in CEL's syntax, such as `deflection <= 0.5`; see docs/expressions.md.",
});

export const Duration = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|min|h|d)$/, 'a duration is a number with ms, s, m, min, h or d, such as 90s or 2h')
  .meta({ description: 'A duration, such as `90s`, `2h` or `3d`.', examples: ['90s', '2h'] });

export const ToolCallName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]*\/[A-Za-z][A-Za-z0-9_.-]*$/, 'a call is written tool/call, such as beam/mesh.generate')
  .meta({ description: 'Tool and call, as `tool/call`; the tools file says how the tool is started.' });

const FiniteNumber = z.number();
const Text = z.string().min(1).max(4000);
/** A word that check refuses by name. */
export const NotYet = z.unknown().optional().meta({ description: 'In the format, but not built yet: refused.' });

const Constant = z
  .union([FiniteNumber, z.string().min(1).max(200), z.boolean()])
  .meta({ description: 'A quantity (`100 N`), a number, a word or true/false.', examples: ['100 N', 0.3] });

export const Variable = z
  .strictObject({
    type: z.enum(['real', 'integer', 'ordered', 'choice']).meta({
      description: 'real and integer have min and max; ordered (numbers) and choice (words) have values.',
    }),
    unit: z
      .string()
      .max(40)
      .optional()
      .meta({ description: 'Unit of the numbers, such as `mm`; none: dimensionless.' }),
    min: FiniteNumber.optional().meta({ description: 'Least value, in the unit.' }),
    max: FiniteNumber.optional().meta({ description: 'Greatest value, in the unit.' }),
    values: z
      .array(z.union([FiniteNumber, z.string().max(200)]))
      .min(1)
      .max(1000)
      .optional()
      .meta({
        description: 'All values of an ordered or choice variable.',
      }),
    scale: z.enum(['linear', 'log']).optional().meta({ description: 'How a real is spread; default linear.' }),
    description: Text.optional(),
  })
  .meta({
    title: 'Variable',
    description: 'What the study varies.',
    examples: [{ type: 'real', unit: 'mm', min: 5, max: 20 }],
  });

const Arguments = z.record(z.string().min(1).max(200), z.unknown()).meta({
  description:
    'Arguments of the call. A string that begins with `=` is an expression; a literal one is written `==`. `{ value: "=x", unit: m }` asks for a unit.',
});

const Expect = z.array(Expression).max(100).meta({
  description: 'Conditions on the answer; one that does not hold makes the answer a failure, class `unexpected`.',
});

const CallWords = {
  call: ToolCallName,
  with: Arguments.optional(),
  timeout: Duration.optional().meta({ description: 'Wall-clock limit of one sending (poll: of the whole job).' }),
  expect: Expect.optional(),
  parse: z.literal('json').optional().meta({
    description: 'Parse text of the answer as JSON: a text answer, or `{ result: "<json>" }`.',
  }),
};

const JobCall = z.strictObject(CallWords).meta({ title: 'Part of a job' });
const JobPoll = z
  .strictObject({
    ...CallWords,
    every: Duration.meta({ description: 'Time between two polls.' }),
    until: Expression.meta({
      description: 'True when the job has ended, well or not; fields of the answer come first.',
    }),
  })
  .meta({ title: 'Poll of a job' });

export const Job = z
  .strictObject({ submit: JobCall, poll: JobPoll, fetch: JobCall.optional() })
  .meta({ title: 'Job', description: 'Submit, poll until ended, fetch.' });

export const Retry = z
  .strictObject({
    attempts: z.int().min(1).max(20).meta({ description: 'Attempts in all; a new attempt of a job is a new job.' }),
    backoff: Duration.optional().meta({
      description: 'Wait before the second attempt; doubles, at most 1 h. Default 10s.',
    }),
    on: z
      .array(Name)
      .min(1)
      .optional()
      .meta({ description: 'Failure classes that are tried again; default transient, node_lost.' }),
    with: NotYet,
    restart: NotYet,
  })
  .meta({ title: 'Retry' });

export const Step = z
  .strictObject({
    call: ToolCallName.optional(),
    job: Job.optional(),
    with: Arguments.optional(),
    needs: z.array(Name).optional().meta({ description: 'Steps that come first although no data of theirs is used.' }),
    when: Expression.optional().meta({
      description: 'The step is skipped where this is false; so are steps that need it.',
    }),
    uses: z
      .record(Name, z.number().positive())
      .optional()
      .meta({ description: 'Tokens of pools held while the step is out.' }),
    retry: Retry.optional(),
    timeout: Duration.optional().meta({ description: 'Wall-clock limit of one sending, such as `90s`; default 10m.' }),
    expect: Expect.optional(),
    parse: z.literal('json').optional(),
    description: Text.optional(),
    for: NotYet,
    always: NotYet,
    once_per: NotYet,
    artifacts: NotYet,
    session: NotYet,
    class_of: NotYet,
    secrets: NotYet,
    env: NotYet,
    cache: NotYet,
  })
  .meta({
    title: 'Step',
    description: 'One call of one tool, or a job.',
    examples: [{ call: 'beam/mesh.generate', with: { cad_rev_id: '=cad.cad_rev_id', size: 2 } }],
  });

export const Metric = z
  .strictObject({
    value: z.string().regex(/^=/, 'a metric is an expression that begins with =').max(4096),
    unit: z.string().max(40).optional(),
    plausible: z.tuple([FiniteNumber, FiniteNumber]).optional().meta({
      description: 'Least and greatest believable value, in the unit; outside is a failure, class bad_metric.',
    }),
    description: Text.optional(),
  })
  .meta({ title: 'Metric', examples: [{ value: '=post.mass', unit: 'kg', plausible: [0.01, 5] }] });

const Objective = z
  .strictObject({ minimize: Name.optional(), maximize: Name.optional() })
  .meta({ title: 'Objective', examples: [{ minimize: 'mass' }] });

const Points = z.int().min(1).max(1_000_000);
const Seed = z.int().min(0).max(4_294_967_295);

export const Design = z
  .strictObject({
    latin_hypercube: z
      .strictObject({ points: Points, seed: Seed, optimize: z.enum(['none', 'maximin']).optional() })
      .optional()
      .meta({ description: 'Latin hypercube; maximin up to 1,000 points.' }),
    sobol: z
      .strictObject({
        points: Points,
        seed: Seed.optional(),
        scramble: z.boolean().optional(),
        skip: z.int().min(0).max(1_000_000).optional(),
      })
      .optional()
      .meta({ description: "Sobol' sequence; scrambled by the seed unless `scramble: false`." }),
    full_factorial: z
      .strictObject({ levels: z.union([z.int().min(2).max(1000), z.record(Name, z.int().min(2).max(1000))]) })
      .optional()
      .meta({ description: 'All combinations; levels for all reals and integers, or each by name.' }),
    table: z
      .strictObject({ file: z.string().min(1).max(400) })
      .optional()
      .meta({
        description: 'Points from a CSV file with a header of variable names, relative to the plan.',
      }),
    extend: Name.optional().meta({ description: 'Design phase to which `points` new points are added.' }),
    points: Points.optional().meta({ description: 'Number of new points; with `extend` only.' }),
    replicates: NotYet,
    fidelity: NotYet,
    monte_carlo: NotYet,
    halton: NotYet,
    central_composite: NotYet,
    box_behnken: NotYet,
    plackett_burman: NotYet,
    fractional_factorial: NotYet,
    morris: NotYet,
    saltelli: NotYet,
  })
  .meta({ title: 'Design', description: 'Exactly one generator, or `extend` with `points`.' });

export const Gate = z
  .strictObject({
    role: Name.meta({ description: 'Role, in the trust policy, of who may decide.' }),
    ask: Text,
    evidence: z.array(z.string().max(200)).max(20).optional().meta({ description: 'What is shown: metrics, best(n).' }),
    outcomes: z
      .array(z.enum(['continue', 'stop']))
      .min(1)
      .meta({ description: 'What may be decided.' }),
    timeout: Duration.optional(),
    on_timeout: z.literal('stop').optional().meta({ description: 'A time-out never means yes.' }),
    quorum: NotYet,
  })
  .meta({ title: 'Gate', description: 'The run waits for a signed human decision.' });

export const DecideRule = z
  .strictObject({
    if: Expression.optional(),
    then: z.string().max(200).optional(),
    else: z.string().max(200).optional(),
    at_most: z.int().min(1).max(1000).optional().meta({ description: 'How often the rule may fire in a run.' }),
    because: Text.optional(),
  })
  .meta({
    title: 'Rule',
    description: 'if and then, or else. Actions: stop, next, goto(phase), extend(phase, points).',
    examples: [{ if: 'size(feasible) == 0', then: 'extend(explore, 8)', at_most: 2, because: 'nothing feasible yet' }],
  });

export const Phase = z
  .strictObject({
    phase: Name,
    design: Design.optional(),
    gate: Gate.optional(),
    decide: z.array(DecideRule).min(1).max(50).optional(),
    optimize: NotYet,
    from: NotYet,
    calibrate: NotYet,
    analyse: NotYet,
  })
  .meta({ title: 'Phase', description: 'One of design, gate, decide.' });

const Budget = z
  .strictObject({
    points: z.int().min(1).optional().meta({ description: 'The most points; default: what the study can evaluate.' }),
    calls: z.int().min(1).optional().meta({ description: 'The most calls, retries included; polls are not calls.' }),
    wall_time: Duration.optional().meta({ description: 'Time spent waiting for a person does not count.' }),
    failed_points: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'The run stops, in good order, when more points fail.' }),
  })
  .meta({ title: 'Budget', description: 'Hard limits; a run that hits one fails with exit 4.' });

const Remark = z.strictObject({ text: Text, by: z.string().max(200).optional() });
const Question = z
  .strictObject({ text: Text, answer: Text.optional(), by: z.string().max(200).optional() })
  .meta({ description: 'An open question (no answer) blocks approval.' });

const Drafted = z
  .strictObject({
    model: z.string().max(200),
    prompt_sha256: z.string().regex(/^[0-9a-f]{64}$/),
    transcript_sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    fields: z.record(z.string().max(400), z.string().max(200)).optional().meta({
      description: 'Who wrote what: JSON pointer to `model`, `default` or a person.',
    }),
  })
  .meta({ title: 'Drafted', description: 'Written by `expctl plan`: which model drafted this plan.' });

export const PLAN_FORMAT = 1;

export const Plan = z
  .strictObject({
    expctl: z.literal(PLAN_FORMAT).meta({ description: 'Plan format.' }),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a plan name holds small letters, digits, . _ and - (at most 64)')
      .meta({ description: 'Name of the plan; its locks, approvals and runs are found by it.' }),
    goal: Text.meta({ description: 'What the study is to find out, in a sentence.' }),
    assumptions: z.array(Remark).max(200).optional().meta({ description: 'What is taken for granted, and by whom.' }),
    questions: z.array(Question).max(200).optional(),
    constants: z.record(Name, Constant).optional(),
    inputs: NotYet,
    variables: z.record(Name, Variable).meta({ description: 'What the study varies, by name.' }),
    derived: z
      .record(Name, Expression)
      .optional()
      .meta({ description: 'Values computed from constants and variables.' }),
    constraints: z
      .array(Expression)
      .max(200)
      .optional()
      .meta({ description: 'A point that breaks one is never drawn.' }),
    pipeline: z.record(Name, Step).meta({ description: 'The steps that evaluate one point.' }),
    metrics: z
      .record(Name, Metric)
      .meta({ description: 'Numbers with a unit that are taken from the answers of a point.' }),
    objectives: z.array(Objective).max(20).optional().meta({ description: 'What makes a point good.' }),
    outcome_constraints: z
      .array(Expression)
      .max(200)
      .optional()
      .meta({ description: 'Conditions on metrics: a point that breaks one is not feasible.' }),
    study: z.array(Phase).min(1).max(200).meta({ description: 'The phases, in order.' }),
    pools: z
      .record(Name, z.number().positive())
      .optional()
      .meta({ description: 'Tokens of each pool: cores, licences. The environment can give fewer, never more.' }),
    budget: Budget.optional(),
    drafted: Drafted.optional(),
    secrets: NotYet,
    env: NotYet,
  })
  .meta({ title: 'expctl plan, format 1' });

export type Plan = z.infer<typeof Plan>;
export type PlanStep = z.infer<typeof Step>;
export type PlanVariable = z.infer<typeof Variable>;
export type PlanPhase = z.infer<typeof Phase>;
