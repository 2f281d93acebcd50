import * as z from 'zod';
import { Duration } from './plan.ts';
import { CallName, ToolName } from './tools.ts';

/*
 * The test file of the tools (`tools.test.yaml`): what `expctl tools test` sends, for a kit cannot invent arguments. Written by a person,
 * or by `expctl tools test TOOL --init` to be filled in.
 */

const Arguments = z.record(z.string(), z.unknown());

const Count = z
  .strictObject({
    call: CallName.optional().meta({ description: 'A `pure` call of the tool that tells how many effects there are.' }),
    with: Arguments.optional().meta({ description: 'Its arguments.' }),
    value: z.string().min(1).max(1000).optional().meta({
      description:
        'The number, as an expression over its answer, such as `size(jobs)`; otherwise the answer itself, its field `count`, or its only number or list.',
    }),
    files: z.string().min(1).max(1000).optional().meta({
      description:
        'Each effect is a file: how many there are of this name; `*` stands for anything within one folder name.',
    }),
    lines: z.string().min(1).max(1000).optional().meta({ description: 'Each effect is a line of this file.' }),
    settle: Duration.optional().meta({
      description: 'How long after an answer its effect may still appear; default 0s, for files and lines 100ms.',
    }),
  })
  .meta({
    description: 'How the effects of a call are counted from outside: exactly one of `call`, `files`, `lines`.',
  });

export const CallTest = z
  .strictObject({
    with: Arguments.optional().meta({ description: 'Arguments that work, without the key.' }),
    other: Arguments.optional().meta({
      description: 'Other arguments that work as well: sent under a key that is known, the tool must refuse them.',
    }),
    count: Count.optional(),
    volatile: z
      .array(z.string().max(1000).regex(/^\//, 'a JSON pointer begins with `/`, such as `/started_at`'))
      .optional()
      .meta({
        description:
          'JSON pointers into the answer whose values may differ between two answers to the same question; `*` stands for any one member.',
      }),
    volatile_files: z.array(z.string().min(1).max(200)).optional().meta({
      description: 'Names of files whose bytes may differ likewise; `*` for all.',
    }),
    timeout: Duration.optional().meta({ description: 'Longest time of one sending; default that of the tool.' }),
    skip: z.string().min(1).max(1000).optional().meta({ description: 'Why the call is not tested.' }),
  })
  .meta({ description: 'How one call is tested.', examples: [{ with: { size: 2 }, other: { size: 3 } }] });

const SetupCall = z.strictObject({
  call: CallName,
  with: Arguments.optional().meta({ description: 'Arguments; a string that begins with `=` is an expression.' }),
  until: z.string().min(1).max(1000).optional().meta({
    description: 'A condition on the answer; the call is repeated until it holds.',
  }),
  every: Duration.optional().meta({ description: 'Time between two repetitions; default 1s.' }),
  timeout: Duration.optional().meta({ description: 'Longest time until it holds; default 10m.' }),
});

export const ToolTest = z.strictObject({
  timeout: Duration.optional().meta({ description: 'Longest time of one sending; default 60s.' }),
  setup: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/), SetupCall)
    .optional()
    .meta({
      description:
        'Calls that are made first, in this order; arguments below use their answers, as in `=mesh.mesh_id`.',
    }),
  calls: z.record(CallName, CallTest),
});

export const ToolsTestFile = z.strictObject({ tools: z.record(ToolName, ToolTest) });
export type ToolsTestFile = z.infer<typeof ToolsTestFile>;
export type ToolTest = z.infer<typeof ToolTest>;
export type CallTest = z.infer<typeof CallTest>;
export type CountSpec = z.infer<typeof Count>;
export type SetupCall = z.infer<typeof SetupCall>;
