import { type Document, isMap, parseDocument, Scalar, stringify, type YAMLMap } from 'yaml';
import type { ToolDeclaration } from '../ir/tools.ts';

const HEADER =
  '# Which tools exist and how they are started: written by a person, never by a model. Paths count from this file.\n';

const FORM = { lineWidth: 0 } as const;

/**
 * The tools file with one tool more, or another in its place. Comments stay; a new tool is put behind the others, whose text is not
 * touched.
 *
 * @param text of a tools file without problems; null if there is none
 */
export function withTool(text: string | null, name: string, declaration: ToolDeclaration): string {
  const document: Document = parseDocument(text ?? HEADER);
  const node = nodeOf(document, declaration);
  const tools = document.get('tools');
  if (text !== null && isMap(tools) && tools.flow !== true && !tools.has(name))
    return appended(text, tools, name, node);
  if (document.contents === null) document.contents = document.createNode({ tools: {} }) as Document['contents'];
  document.setIn(['tools', name], node);
  const all = document.get('tools');
  if (isMap(all)) all.flow = false;
  return document.toString(FORM);
}

function nodeOf(document: Document, declaration: ToolDeclaration): YAMLMap {
  const node = document.createNode(written(declaration)) as YAMLMap;
  for (const { key, value } of node.items) {
    const isCalls = key instanceof Scalar && key.value === 'calls';
    for (const each of isCalls && isMap(value) ? value.items.map((call) => call.value) : [value]) flow(each);
  }
  return node;
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

/** Behind the last tool, indented as the first one is. */
function appended(text: string, tools: YAMLMap, name: string, node: YAMLMap): string {
  const end = tools.range![2];
  const line_start = text.lastIndexOf('\n', tools.range![0] - 1) + 1;
  const indent = text.slice(line_start, tools.range![0]);
  const lines = stringify({ [name]: node }, FORM)
    .trimEnd()
    .split('\n');
  const before = text.slice(0, end);
  const gap = before.endsWith('\n') ? '' : '\n';
  return `${before}${gap}${lines.map((line) => `${indent}${line}\n`).join('')}${text.slice(end)}`;
}
