import { performance } from 'node:perf_hooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import { compileSchema } from '../../src/adapters/tools-schema.ts';
import type { Json, JsonObject } from '../../src/base/json.ts';

/* Schemas are a tool's word: whatever they say, a check says yes or no, and within seconds. */

function check(schema: JsonObject, value: Json): string | null {
  const made = compileSchema(schema);
  if (!made.ok) throw new Error(made.error);
  return made.value(value);
}

const DRAFT_7 = 'http://json-schema.org/draft-07/schema#';
const STOPPED = 'the check took more than 2 s and was stopped';

describe('a check of an answer as large as is taken is stopped', () => {
  const items = new Array<Json>(500_000).fill(100_000);

  test.each<[string, JsonObject]>([
    ['100,000 values that each item is compared with', { items: { enum: [...Array(100_001).keys()] } }],
    [
      '1,500 conditions on all items',
      { $schema: DRAFT_7, allOf: Array(1500).fill({ not: { contains: { const: 0 } } }) },
    ],
    ['1,500 conditions on each item', { items: { anyOf: [...Array(1500).fill({ type: 'string' }), {}] } }],
  ])('%s', (_, schema) => {
    const began = performance.now();
    expect(check(schema, items)).toBe(STOPPED);
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

test('a schema of 300 references to a part with 300 properties is made a check of at once', () => {
  const properties = Object.fromEntries([...Array(300).keys()].map((number) => [`p${number}`, { type: 'number' }]));
  const schema = { $defs: { part: { properties } }, allOf: Array(300).fill({ $ref: '#/$defs/part' }) };
  const began = performance.now();
  expect(check(schema, { p7: 7 })).toBeNull();
  expect(check(schema, { p7: '7' })).toBe('/p7 must be number');
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('a schema that is asynchronous to the library that checks is one like any other', async () => {
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', hear);
  onTestFinished(() => void process.off('unhandledRejection', hear));
  const schema = { $async: true, type: 'object', required: ['mass'] };
  expect(check(schema, { mass: 1 })).toBeNull();
  expect(check(schema, {})).toBe("/ must have required property 'mass'");
  await new Promise((resolve) => setImmediate(resolve));
  expect(unheard).toEqual([]);
});

test.each<[string, JsonObject]>([
  ['in place', { properties: { mass: { $async: true, type: 'number' } } }],
  ['that is referred to', { definitions: { mass: { $async: true, type: 'number' } }, $ref: '#/definitions/mass' }],
])('a part of it %s cannot be used', (_, schema) => {
  const error = expect.stringMatching(/^The answer schema cannot be used: async schema/);
  for (const $schema of [DRAFT_7, '']) expect(compileSchema({ ...schema, $schema })).toEqual({ ok: false, error });
});
