import { parseExpression } from '../../ir/expression/parse.ts';
import { type CheckContext, SECTION_NOUNS, SECTIONS, type Section } from './context.ts';

/** Names that expressions give a meaning of their own somewhere. */
export const RESERVED_NAMES = [
  'answer',
  'submit',
  'poll',
  'fetch',
  'feasible',
  'best',
  'points',
  'succeeded',
  'failed',
] as const;

/** Constants, variables, derived values, steps and metrics share one namespace; a word of the language is no name. */
export function checkNames({ plan, report }: CheckContext): void {
  const owners = new Map<string, Section>();
  for (const section of SECTIONS) {
    for (const name of Object.keys(plan[section] ?? {})) {
      const owner = owners.get(name);
      const path = [section, name];
      if (owner !== undefined) {
        const message = `\`${name}\` is ${SECTION_NOUNS[owner]} and ${SECTION_NOUNS[section]}.`;
        report.keyError('NAME_CLASH', path, message, 'Rename one: these names share one namespace.');
      } else {
        owners.set(name, section);
      }
      if (isReserved(name)) {
        const fix = `Choose another name, such as \`${name}_value\`.`;
        report.keyError('NAME_RESERVED', path, `\`${name}\` has a meaning of its own in expressions.`, fix);
      }
    }
  }
}

function isReserved(name: string): boolean {
  if ((RESERVED_NAMES as readonly string[]).includes(name)) return true;
  const parsed = parseExpression(name);
  return !parsed.ok || parsed.value.tree.kind !== 'name';
}
