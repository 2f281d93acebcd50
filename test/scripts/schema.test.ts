import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { readSource } from '../../src/plan/source.ts';
import { schemaFiles } from '../../scripts/schema-files.ts';

const root = new URL('../../', import.meta.url);

function published(name: string): string {
  return readFileSync(new URL(name, root), 'utf8');
}

function authored(name: string): Json {
  const source = readSource(name, readFileSync(new URL(name, root)));
  if (!source.ok) throw new Error(source.error[0]?.message);
  return plain(source.value.value);
}

/** With prototypes again, as other readers make them. */
function plain(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

describe('generated files are up to date: run `npm run schema`, and review the diff', () => {
  test.each([...schemaFiles()])('%s', (name, text) => expect(text).toBe(published(name)));
});

describe('the published schemas', () => {
  const draft07 = new Ajv({ strict: false });
  const draft2020 = new Ajv2020({ strict: false });
  const plan07 = draft07.compile(JSON.parse(published('schema/plan.v1.draft-07.schema.json')));
  const plan2020 = draft2020.compile(JSON.parse(published('schema/plan.v1.schema.json')));
  const beam = authored('plans/beam.plan.yaml');

  test.each([
    ['draft-07', plan07],
    ['2020-12', plan2020],
  ])('%s accepts the example plans and refuses unknown keys, words not built yet, and bad names', (_, accepts) => {
    expect(accepts(beam)).toBe(true);
    expect(accepts(authored('plans/beam-small.plan.yaml'))).toBe(true);
    const changed = (change: object): Json => ({ ...(beam as object), ...change }) as Json;
    expect(accepts(changed({ gaol: 'x' }))).toBe(false);
    expect(accepts(changed({ inputs: { part: { file: 'a.step' } } }))).toBe(false);
    expect(accepts(changed({ name: 'Beam 1' }))).toBe(false);
    expect(accepts(changed({ variables: { '1st': { type: 'real' } } }))).toBe(false);
    expect(accepts(changed({ goal: undefined }))).toBe(false);
  });

  test('the tools schema accepts the tools file of the example', () => {
    const accepts = draft07.compile(JSON.parse(published('schema/tools.v1.schema.json')));
    expect(accepts(authored('examples/beam/tools.yaml'))).toBe(true);
    expect(accepts({ tools: { a: { mcp: { command: [] }, calls: {} } } })).toBe(false);
    expect(accepts({ tools: { a: { http: { url: 'x' }, calls: {} } } })).toBe(false);
  });

  test('the schema of test files accepts that of the example', () => {
    const accepts = draft07.compile(JSON.parse(published('schema/tools-test.v1.schema.json')));
    expect(accepts(authored('examples/beam/tools.test.yaml'))).toBe(true);
    expect(accepts({ tools: { a: { calls: { b: { width: 1 } } } } })).toBe(false);
  });

  test('the environment schema', () => {
    const accepts = draft07.compile(JSON.parse(published('schema/environment.v1.schema.json')));
    expect(accepts({ class: 'production', pools: { cores: 4 } })).toBe(true);
    expect(accepts({})).toBe(true);
    expect(accepts({ class: 'prod' })).toBe(false);
  });
});
