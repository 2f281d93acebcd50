import { type Document, isMap, parseDocument, type YAMLMap } from 'yaml';
import type { ToolDeclaration } from '../ir/tools.ts';

const HEADER =
  '# Which tools exist and how they are started: written by a person, never by a model. Paths count from this file.\n';

/**
 * The tools file with one tool more, or another in its place. Comments and order of the rest stay as they are.
 *
 * @param text of a tools file without problems; null if there is none
 */
export function withTool(text: string | null, name: string, declaration: ToolDeclaration): string {
  const document: Document = parseDocument(text ?? HEADER);
  const node = document.createNode(written(declaration)) as YAMLMap;
  for (const { key, value } of node.items) {
    if (String(key) === 'calls') for (const call of (value as YAMLMap).items) flow(call.value);
    else flow(value);
  }
  if (document.contents === null) document.contents = document.createNode({ tools: {} }) as Document['contents'];
  document.setIn(['tools', name], node);
  const tools = document.get('tools');
  if (isMap(tools)) tools.flow = false;
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** Only what was said: defaults stay unwritten, but the effect of each call stands there, for it has to be thought about. */
function written({ mcp, version, calls }: ToolDeclaration): object {
  const shown = Object.entries(calls).map(([call, { effect, key }]) => [
    call,
    { effect, ...(key === undefined ? {} : { key }) },
  ]);
  return { mcp, ...(version === undefined ? {} : { version }), calls: Object.fromEntries(shown) };
}

function flow(node: unknown): void {
  if (isMap(node)) node.flow = true;
}
