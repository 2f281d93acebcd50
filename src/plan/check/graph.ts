/** What each name needs. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

export interface Ordered {
  /** Names of no cycle, and not behind one: each after all that it needs, else in the order of the graph. */
  readonly order: readonly string[];
  /** Each cycle once, its first name not repeated. */
  readonly cycles: readonly (readonly string[])[];
}

/** Sorts a graph; without recursion, for a chain can be as long as a plan. */
export function sortGraph(graph: Graph): Ordered {
  const order = sortable(graph, new Set());
  const left = new Set(graph.keys());
  for (const name of order) left.delete(name);
  const cycles: string[][] = [];
  for (let cycle = cycleIn(graph, left); cycle !== undefined; cycle = cycleIn(graph, left)) {
    cycles.push(cycle);
    for (const name of cycle) left.delete(name);
    const freed = sortable(graph, new Set([...graph.keys()].filter((name) => !left.has(name))));
    for (const name of freed) left.delete(name);
  }
  return { order, cycles };
}

/** Kahn's algorithm; what is `done` counts as there. */
function sortable(graph: Graph, done: ReadonlySet<string>): string[] {
  const waiting = new Map<string, number>();
  const users = new Map<string, string[]>();
  for (const [name, needs] of graph) {
    if (done.has(name)) continue;
    const open = [...needs].filter((need) => graph.has(need) && !done.has(need));
    waiting.set(name, open.length);
    for (const need of open) users.set(need, [...(users.get(need) ?? []), name]);
  }
  const order = [...waiting].filter(([, count]) => count === 0).map(([name]) => name);
  for (let at = 0; at < order.length; at++) {
    for (const user of users.get(order[at]!) ?? []) {
      const count = waiting.get(user)! - 1;
      waiting.set(user, count);
      if (count === 0) order.push(user);
    }
  }
  return order;
}

/** Every name that is left needs another one that is left, so that walking on must come back. */
function cycleIn(graph: Graph, left: ReadonlySet<string>): string[] | undefined {
  const walk: string[] = [];
  const seen = new Map<string, number>();
  let name: string | undefined = left.values().next().value;
  while (name !== undefined) {
    const start = seen.get(name);
    if (start !== undefined) return walk.slice(start);
    seen.set(name, walk.length);
    walk.push(name);
    name = [...graph.get(name)!].find((need) => left.has(need));
  }
  return undefined;
}
