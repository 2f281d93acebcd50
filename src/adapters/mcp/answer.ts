import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import type { Json } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ArtifactStore } from '../../engines/ports.ts';
import type { ArtifactRef } from '../../ir/events.ts';
import { cleanAnswer } from '../tools-answer.ts';
import { artifactName, keepFile } from '../tools-artifacts.ts';
import type { Failure } from '../tools-ends.ts';
import type { SchemaCheck } from '../tools-schema.ts';
import { printable, quoted } from '../tools-text.ts';
import type { CallResult, Reply } from './connection.ts';

/**
 * What a reply says, or why it says nothing.
 *
 * The answer is `structuredContent` where there is one; else the text parts, one below the other, as one text; else null. A server
 * that declares an output schema must answer with structured content that fits it (for MCP clients a SHOULD, here a MUST).
 */
export function answerOf(reply: Reply, check: SchemaCheck | null): Result<Json, Failure> {
  if (reply.kind === 'refused') return err({ class: 'tool_failed', message: `The tool refused: ${reply.message}` });
  if (reply.kind === 'malformed') return broken(`What the tool sent is no result of a tool: ${reply.message}`);
  const { result } = reply;
  if (result.resultType === 'input_required') {
    return broken('The tool asks for input instead of answering; a run has nobody to ask.');
  }
  if (result.isError === true) {
    return err({ class: 'tool_failed', message: printable(textOf(result) ?? 'The tool failed and did not say why.') });
  }
  if (result.structuredContent === undefined && check !== null) {
    return broken('The tool declares an output schema and answered without structured content.');
  }
  const answer = cleanAnswer(result.structuredContent ?? textOf(result));
  if (!answer.ok) return err(answer.problem);
  const problem = check?.(answer.answer) ?? null;
  return problem === null ? ok(answer.answer) : broken(`The answer does not fit the pinned output schema: ${problem}`);
}

/** Parts of one result that can become artifacts. A server that means well comes nowhere near. */
const MOST_ARTIFACTS = 1000;

function broken(message: string): Result<never, Failure> {
  return err({ class: 'tool_broken', message });
}

function textOf({ content }: CallResult): string | null {
  const texts = content.flatMap(({ type, text }) => (type === 'text' && typeof text === 'string' ? [text] : []));
  return texts.length === 0 ? null : texts.join('\n');
}

const FileLink = z.looseObject({
  type: z.literal('resource_link'),
  uri: z.string().startsWith('file:'),
  name: z.string().optional(),
});
const Embedded = z.looseObject({
  type: z.literal('resource'),
  resource: z.looseObject({ uri: z.string(), text: z.string().optional(), blob: z.string().optional() }),
});
const Media = z.looseObject({ type: z.enum(['image', 'audio']), data: z.string(), mimeType: z.string() });

/**
 * Keeps the files of a result: links to files, embedded resources, images and sounds. Links to other places are never followed.
 * The error is a sentence.
 */
export async function keepArtifacts(
  store: ArtifactStore,
  { content }: CallResult,
  folders: readonly string[],
): Promise<Result<ArtifactRef[], string>> {
  const kept: ArtifactRef[] = [];
  const parts = content.filter(({ type }) => type !== 'text');
  if (parts.length > MOST_ARTIFACTS) {
    return err(
      `The result has ${parts.length} files and other parts beside its text; at most ${MOST_ARTIFACTS} are taken.`,
    );
  }
  const names = new Set<string>();
  for (const part of parts) {
    const artifact = await keepPart(store, part, names, [...folders, tmpdir()]);
    if (artifact === null) continue;
    if (!artifact.ok) return artifact;
    kept.push(artifact.value);
  }
  return ok(kept);
}

async function keepPart(
  store: ArtifactStore,
  part: CallResult['content'][number],
  names: Set<string>,
  folders: readonly string[],
): Promise<Result<ArtifactRef, string> | null> {
  const link = FileLink.safeParse(part);
  if (link.success) {
    const path = pathOf(link.data.uri);
    if (path === null) return err(`The tool names ${quoted(link.data.uri)}, which is no file of this machine.`);
    return keepFile(store, artifactName(link.data.name ?? basename(path), names), path, folders);
  }
  const embedded = Embedded.safeParse(part);
  if (embedded.success) {
    const { uri, text, blob } = embedded.data.resource;
    if (text === undefined && blob === undefined) return null;
    const bytes = text === undefined ? Buffer.from(blob ?? '', 'base64') : Buffer.from(text, 'utf8');
    const path = uri.replace(/[?#].*$/s, '').replace(/^[a-z][a-z0-9+.-]*:/i, '');
    return ok({ name: artifactName(basename(path), names), ...(await store.put(bytes)) });
  }
  const media = Media.safeParse(part);
  if (!media.success) return null;
  const name = artifactName(
    `${media.data.type}.${media.data.mimeType.replace(/^.*\//, '').replace(/[+;].*$/s, '')}`,
    names,
  );
  return ok({ name, ...(await store.put(Buffer.from(media.data.data, 'base64'))) });
}

function pathOf(uri: string): string | null {
  try {
    return fileURLToPath(uri);
  } catch {
    return null;
  }
}
