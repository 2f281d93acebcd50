import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Json } from '../../base/json.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { PinnedCall, PinnedTool, ToolDeclaration } from '../../ir/tools.ts';
import { firstDifference } from '../tools-difference.ts';

/** More would be a mistake or an attack: the contract is hashed, shown and compiled. */
const CONTRACT_BYTES = 1024 * 1024;

const SchemaObject = z.record(z.string(), z.unknown());

/** What a server tells of a tool. The SDK's own schema drops annotations that it does not know; a drift there would be missed. */
export const ListedTool = z.looseObject({
  name: z.string(),
  title: z.unknown().optional(),
  description: z.string().optional(),
  inputSchema: SchemaObject,
  outputSchema: SchemaObject.nullish(),
  annotations: z.unknown().optional(),
});
export type ListedTool = z.infer<typeof ListedTool>;

export const ListedTools = z.looseObject({ tools: z.array(ListedTool), nextCursor: z.string().optional() });

/**
 * SHA-256 of what the server tells of a call: canonical JSON of name, title, description, inputSchema, outputSchema, annotations;
 * null where it tells nothing. Icons and `_meta` are left out, for they say nothing of what the call does.
 *
 * @throws TypeError when the contract cannot be written as canonical JSON, RangeError when it has more than 1 MiB
 */
function contractDigest(tool: ListedTool): string {
  const { name, title, description, inputSchema, outputSchema, annotations } = tool;
  const text = canonicalJson({
    name,
    title: title ?? null,
    description: description ?? null,
    inputSchema,
    outputSchema: outputSchema ?? null,
    annotations: annotations ?? null,
  });
  if (text.length > CONTRACT_BYTES) throw new RangeError(`its contract has more than ${CONTRACT_BYTES} characters`);
  return createHash('sha256').update(text).digest('hex');
}

/** A call's pin. What the server says describes it; the words of the tools file stand in where the server has none. */
export function pinCall(tool: ListedTool, declared: ToolDeclaration['calls'][string] | undefined): PinnedCall {
  return {
    effect: declared?.effect ?? 'once',
    key: declared?.key ?? null,
    description: tool.description ?? declared?.description ?? '',
    input: tool.inputSchema,
    answer: tool.outputSchema ?? null,
    argv: null,
    output: null,
    contract_sha256: contractDigest(tool),
  };
}

/** What moved in the contracts of the pinned calls, one sentence each; calls that are not pinned may change as they like. */
export function contractDrift(pinned: PinnedTool['calls'], listed: ReadonlyMap<string, ListedTool>): string[] {
  return Object.entries(pinned).flatMap(([name, call]) => {
    const now = listed.get(name);
    if (now === undefined) return [`call ${name}: is gone`];
    const digest = digestOrReason(now);
    if (digest === call.contract_sha256) return [];
    const moved = fieldDrift(call, now);
    if (moved.length > 0) return moved.map((what) => `call ${name}: ${what}`);
    return [
      `call ${name}: title or annotations: contract was sha256 ${call.contract_sha256.slice(0, 16)}, is ${digest.slice(0, 16)}`,
    ];
  });
}

function digestOrReason(tool: ListedTool): string {
  try {
    return contractDigest(tool);
  } catch (error) {
    return String(error);
  }
}

function fieldDrift(call: PinnedCall, now: ListedTool): string[] {
  const fields: [string, unknown, unknown][] = [
    ['description', call.description, now.description ?? ''],
    ['input schema', call.input, now.inputSchema],
    ['output schema', call.answer, now.outputSchema ?? null],
  ];
  return fields.flatMap(([field, before, after]) => {
    const difference = firstDifference(before as Json, after as Json, '');
    return difference === null ? [] : [`${field}${difference}`];
  });
}
