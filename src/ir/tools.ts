import * as z from 'zod';

/*
 * The tools file (`tools.yaml`, written by a person) and the tools lock (`tools.lock.json`, written by `expctl tools pin`).
 * A plan names tools; only these files say how one is started.
 */

export const ToolName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/);
export const CallName = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,127}$/);

/** What a call does outside, and so how it is recovered after a crash (design.md, section 5). */
export const EffectKind = z.enum(['pure', 'by_key', 'findable', 'once']);
export type EffectKind = z.infer<typeof EffectKind>;

const Key = z
  .strictObject({ argument: z.string().min(1).max(100) })
  .meta({ description: 'How the key reaches the tool: the argument that carries it.' });

const ProcessOutput = z.strictObject({
  stdout: z
    .enum(['json', 'text'])
    .default('json')
    .meta({ description: 'What standard output holds; json is the answer.' }),
  files: z
    .array(z.strictObject({ name: z.string().min(1).max(200), required: z.boolean().default(true) }))
    .default([])
    .meta({ description: 'Files, in the work folder, that are kept as artifacts.' }),
  deny: z.array(z.string().max(500).regex(/\S/)).default([]).meta({
    description:
      'Texts that mean failure when a line of stdout or stderr begins with one (blanks before it aside), whatever the exit status.',
  }),
  exit: z.array(z.int().min(0).max(255)).default([0]).meta({ description: 'Exit statuses that mean success.' }),
});

export const CallDeclaration = z.strictObject({
  effect: EffectKind.default('once'),
  key: Key.optional(),
  description: z.string().max(4000).optional(),
  argv: z.array(z.string().max(4000)).optional().meta({
    description: 'process tools: arguments; an element `{name}` is replaced by that argument of the call.',
  }),
  input: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'process tools: JSON Schema of the arguments.' }),
  answer: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'process tools: JSON Schema of the answer.' }),
  output: ProcessOutput.optional(),
});

const Command = z.array(z.string().min(1).max(4000)).min(1);
export const Transport = z.strictObject({ command: Command, env: z.record(z.string(), z.string()).optional() });

export const ToolDeclaration = z.strictObject({
  mcp: Transport.optional().meta({ description: 'An MCP server over standard input and output.' }),
  process: Transport.optional().meta({ description: 'A program: one start for each call, arguments only, no shell.' }),
  http: z.unknown().optional(),
  slurm: z.unknown().optional(),
  version: z.strictObject({ call: CallName }).optional().meta({
    description: 'The call that tells version, solver, host; its answer is part of the pin.',
  }),
  files: z.array(z.string().max(400)).optional().meta({
    description: 'Further program files whose digests are pinned, relative to the tools file.',
  }),
  calls: z.record(CallName, CallDeclaration),
});

export const ToolsFile = z.strictObject({ tools: z.record(ToolName, ToolDeclaration) });
export type ToolsFile = z.infer<typeof ToolsFile>;
export type ToolDeclaration = z.infer<typeof ToolDeclaration>;

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Schema = z.record(z.string(), z.unknown());

export const PinnedCall = z.strictObject({
  effect: EffectKind,
  key: Key.nullable(),
  description: z.string(),
  input: Schema,
  answer: Schema.nullable(),
  argv: z.array(z.string()).nullable(),
  output: z
    .strictObject({
      stdout: z.enum(['json', 'text']),
      files: z.array(z.strictObject({ name: z.string(), required: z.boolean() })),
      deny: z.array(z.string()),
      exit: z.array(z.number()),
    })
    .nullable(),
  /** SHA-256 of the canonical JSON of name, title, description, input, output schema and annotations as the tool tells them. */
  contract_sha256: Sha256,
});

export const PinnedTool = z.strictObject({
  transport: z.strictObject({
    kind: z.enum(['mcp', 'process']),
    /** As written; relative paths are relative to the project folder. */
    command: Command,
    env: z.record(z.string(), z.string()),
  }),
  /** Digests of the files that the command names, and of `files`, paths relative to the project folder. */
  program: z.array(z.strictObject({ file: z.string(), sha256: Sha256 })),
  /** What the server calls itself; null for a process. */
  server: z.strictObject({ name: z.string(), version: z.string() }).nullable(),
  /** The version probe: its call and the answer it gave when pinned. */
  probe: z.strictObject({ call: CallName, answer: Schema }).nullable(),
  calls: z.record(CallName, PinnedCall),
});

export const ToolsLock = z.strictObject({ expctl_tools: z.literal(1), tools: z.record(ToolName, PinnedTool) });
export type ToolsLock = z.infer<typeof ToolsLock>;
export type PinnedTool = z.infer<typeof PinnedTool>;
export type PinnedCall = z.infer<typeof PinnedCall>;
