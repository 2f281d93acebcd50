import type * as z from 'zod';
import { NotYet, Plan } from '../../ir/plan.ts';
import { oneOf } from './schema-issues.ts';
import { innerSchema, knownKeys, memberSchema } from './schema-walk.ts';
import type { Path, Reporter } from './reporter.ts';

const NEVER: z.core.$ZodType = innerSchema(NotYet);

/** Words of the format that this version cannot perform are refused by name, never ignored. */
export function checkNotYet(value: unknown, report: Reporter): void {
  visit(Plan, value, [], report);
}

function visit(schema: z.core.$ZodType, value: unknown, path: Path, report: Reporter): void {
  if (typeof value !== 'object' || value === null) return;
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [key, member] of entries) {
    const inner = memberSchema(schema, key);
    if (inner === undefined) continue;
    const at = [...path, key];
    if (innerSchema(inner) === NEVER) {
      report.keyError(
        'NOT_YET',
        at,
        `\`${key}\` is in format 1, but this version cannot do it yet.`,
        `Remove it.${insteadOf(schema)}`,
      );
    } else {
      visit(inner, member, at, report);
    }
  }
}

/** What the schema beside it offers; only where exactly one of the words is chosen. */
function insteadOf(schema: z.core.$ZodType): string {
  const inner = innerSchema(schema);
  const keys = knownKeys(inner);
  if (!keys.includes('latin_hypercube') && !keys.includes('gate')) return '';
  const built = keys.filter((key) => {
    const member = memberSchema(inner, key);
    return member !== undefined && innerSchema(member) !== NEVER && key !== 'points' && key !== 'phase';
  });
  return ` There are ${oneOf(built).replace(' or ', ' and ')}.`;
}
