import type { Expression, Node } from './tree.ts';
import { childrenOf } from './tree.ts';

/**
 * The names that an expression reads, each with the fields that follow it: `cad.cad_rev_id` is ['cad', 'cad_rev_id'],
 * `a['k'].b` is ['a', 'k', 'b'], `a[i].b` is ['a'] and ['i']. In order of first use, each path once; variables of macros
 * and functions are none.
 */
export function referencedPaths(expression: Expression): readonly (readonly string[])[] {
  const found = new Map<string, readonly string[]>();
  collect(expression.tree, [], (path) => {
    const key = JSON.stringify(path);
    if (!found.has(key)) found.set(key, path);
  });
  return [...found.values()];
}

function collect(node: Node, variables: readonly string[], report: (path: readonly string[]) => void): void {
  const path = pathOf(node);
  if (path !== undefined) {
    if (!variables.includes(path[0]!)) report(path);
  } else if (node.kind === 'macro') {
    collect(node.list, variables, report);
    collect(node.body, [...variables, node.variable], report);
  } else {
    for (const child of childrenOf(node)) collect(child, variables, report);
  }
}

function pathOf(node: Node): readonly string[] | undefined {
  if (node.kind === 'name') return [node.name];
  if (node.kind === 'member' || node.kind === 'has') return extended(node.object, node.field);
  if (node.kind !== 'index' || node.index.kind !== 'literal' || typeof node.index.value !== 'string') return undefined;
  return extended(node.object, node.index.value);
}

function extended(object: Node, field: string): readonly string[] | undefined {
  const path = pathOf(object);
  return path === undefined ? undefined : [...path, field];
}
