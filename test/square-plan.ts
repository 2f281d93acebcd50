/*
 * The small plan of many tests, squares of some numbers, and what a team of one does before it runs.
 */

export const PLAN_FILE = 'square.plan.yaml';
export const LOCK_FILE = 'square.lock.json';

interface SquarePlan {
  readonly points: number;
  /** A person is asked before the end. */
  readonly gate: boolean;
  readonly failed_points: number;
}

/** Squares of 1 to `points`, by the call `square/run`. */
export function squarePlan({ points, gate, failed_points }: SquarePlan): string {
  const values = Array.from({ length: points }, (_, index) => index + 1);
  const asked = '\n  - { phase: look, gate: { role: lead, ask: "Go on?", outcomes: [continue, stop] } }';
  return `
expctl: 1
name: square
goal: Squares of some numbers.
variables: { x: { type: ordered, values: [${values.join(', ')}] } }
pipeline:
  square: { call: square/run, with: { x: =x } }
metrics: { y: { value: =square.y } }
objectives: [{ minimize: y }]
study:
  - { phase: all, design: { full_factorial: { levels: ${points} } } }${gate ? asked : ''}
  - { phase: end, decide: [{ else: stop, because: "all is known" }] }
budget: { points: ${points}, calls: 20, wall_time: 1h, failed_points: ${failed_points} }
`;
}

/** A tool that knows its effects by their keys, and leaves a file: `sh tool.sh KEY X`, and what more is given. */
export function keyedTools(...more: readonly string[]): string {
  return `
tools:
  square:
    process: { command: [sh, tool.sh] }
    calls:
      run:
        effect: by_key
        key: { argument: key }
        argv: ${JSON.stringify(['{key}', '{x}', ...more])}
        input:
          type: object
          properties: { key: { type: string }, x: { type: number } }
          required: [key, x]
          additionalProperties: false
        answer: { type: object, properties: { y: { type: number } }, required: [y] }
        output: { files: [{ name: field.txt, required: true }] }
`;
}
