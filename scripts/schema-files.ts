import * as z from 'zod';
import { EnvironmentFile } from '../src/ir/environment.ts';
import { Plan } from '../src/ir/plan.ts';
import { ToolsFile } from '../src/ir/tools.ts';
import { ToolsTestFile } from '../src/ir/tools-test.ts';
import { planFormatPage } from './plan-format.ts';

type Target = 'draft-2020-12' | 'draft-7';

/** Every file that is generated from the schemas, by its path in the repository. */
export function schemaFiles(): Map<string, string> {
  const plan = schemaOf(Plan, 'draft-2020-12', 'expctl plan, format 1');
  const files = new Map<string, string>();
  files.set('schema/plan.v1.schema.json', jsonText(plan));
  // The language server of most YAML editors knows draft-07 alone.
  files.set('schema/plan.v1.draft-07.schema.json', jsonText(schemaOf(Plan, 'draft-7', 'expctl plan, format 1')));
  files.set('schema/tools.v1.schema.json', jsonText(schemaOf(ToolsFile, 'draft-7', 'expctl tools file')));
  const tests = schemaOf(ToolsTestFile, 'draft-7', 'expctl test file of the tools');
  files.set('schema/tools-test.v1.schema.json', jsonText(tests));
  files.set('schema/environment.v1.schema.json', jsonText(schemaOf(EnvironmentFile, 'draft-7', 'expctl environment')));
  files.set('docs/plan-format.md', planFormatPage(plan));
  return files;
}

/** What a person may write: defaults are optional, unknown keys are refused. */
function schemaOf(schema: z.ZodType, target: Target, title: string): Record<string, unknown> {
  const written = z.toJSONSchema(schema, { io: 'input', target, override: refuseNotYet });
  const { $schema, title: _, ...rest } = written;
  return { $schema, title, ...rest };
}

/** A word that is not built yet may stand with no value at all: editors then mark what `expctl check` refuses. */
function refuseNotYet({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  const { def } = zodSchema._zod;
  if (def.type !== 'optional' || def.innerType._zod.def.type !== 'unknown') return;
  jsonSchema.description ??= 'In the format, but not built yet: refused.';
  jsonSchema.not = {};
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
