interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly not?: unknown;
  readonly examples?: readonly unknown[];
}

const INTRODUCTION = `# The plan format, version 1

A plan is a YAML or JSON file named \`NAME.plan.yaml\` or \`NAME.plan.json\`. Unknown keys are refused. Units stand in plain sight; a
string that begins with \`=\` is an expression (see [expressions](expressions.md)). \`expctl check\` reports every problem at once.

This page is generated from the schema by \`npm run schema\`; so are [plan.v1.schema.json](../schema/plan.v1.schema.json) and
[its draft-07 form](../schema/plan.v1.draft-07.schema.json) for editors. For completion while writing, begin a plan with:

\`\`\`yaml
# yaml-language-server: $schema=../schema/plan.v1.draft-07.schema.json
\`\`\`
`;

interface Section {
  readonly path: string;
  readonly schema: Schema;
}

/** The reference page: a table of keys for each map of the format, outermost first. */
export function planFormatPage(plan: object): string {
  const sections = sectionsOf({ path: '', schema: plan as Schema });
  return `${[INTRODUCTION, ...sections.map(sectionText)].join('\n')}`;
}

function sectionsOf(section: Section): Section[] {
  const inner = Object.entries(section.schema.properties ?? {}).flatMap(([key, schema]) =>
    mapsIn(section.path === '' ? key : `${section.path}.${key}`, schema),
  );
  return [section, ...inner.flatMap(sectionsOf)];
}

/** Maps with keys of their own in a value, in lists and in maps of names. */
function mapsIn(path: string, schema: Schema): Section[] {
  if (schema.properties !== undefined) return [{ path, schema }];
  if (schema.items !== undefined) return mapsIn(`${path}[]`, schema.items);
  if (typeof schema.additionalProperties === 'object') return mapsIn(`${path}.NAME`, schema.additionalProperties);
  return (schema.anyOf ?? []).flatMap((one) => mapsIn(path, one));
}

function sectionText({ path, schema }: Section): string {
  const keys = Object.entries(schema.properties ?? {});
  const built = keys.filter(([, { not }]) => not === undefined);
  const planned = keys.filter(([, { not }]) => not !== undefined).map(([key]) => `\`${key}\``);
  const rows = built.map(([key, value]) => {
    const needed = schema.required?.includes(key) === true ? 'yes' : '';
    return `| \`${key}\` | ${needed} | ${kindText(value)} | ${cell(meaningOf(value))} |`;
  });
  return [
    `## ${path === '' ? 'The file' : `\`${path}\``}\n`,
    ...(path !== '' && schema.description !== undefined ? [`${schema.description}\n`] : []),
    '| key | required | value | meaning |\n|-|-|-|-|',
    `${rows.join('\n')}\n`,
    ...(planned.length === 0 ? [] : [`Known to the format, not built yet and refused: ${planned.join(', ')}.\n`]),
    ...(schema.examples ?? []).map((example) => `Example: \`${JSON.stringify(example)}\`\n`),
  ].join('\n');
}

/** A list or a map without words of its own means what its entries mean. */
function meaningOf(schema: Schema): string {
  if (schema.description !== undefined) return schema.description;
  const inner =
    schema.items ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
  return inner === undefined ? '' : meaningOf(inner);
}

function kindText(schema: Schema): string {
  const { type, items, prefixItems, anyOf, additionalProperties } = schema;
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${String(word)}\``).join(', ');
  if (anyOf !== undefined) return anyOf.map(kindText).join(', or ');
  if (prefixItems !== undefined) return `list of ${prefixItems.length}: ${prefixItems.map(kindText).join(', ')}`;
  if (items !== undefined) return `list of ${kindText(items)}`;
  if (typeof additionalProperties === 'object') return `map of names to ${kindText(additionalProperties)}`;
  return (
    { string: 'text', integer: 'whole number', boolean: 'true or false', object: 'map' }[type ?? ''] ??
    type ??
    'anything'
  );
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
