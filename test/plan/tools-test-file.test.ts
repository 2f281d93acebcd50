import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/base/result.ts';
import type { PinnedCall } from '../../src/ir/tools.ts';
import { readSource, type Source } from '../../src/plan/source.ts';
import { parseToolsLock } from '../../src/plan/tools-files.ts';
import { parseToolsTest } from '../../src/plan/tools-test-file.ts';
import { argumentsBySchema, skeletonFile } from '../../src/plan/tools-test-skeleton.ts';

const beam = unwrap(parseToolsLock(bytes('fixtures/beam.tools.lock.json'))).tools['beam']!;

function bytes(path: string): Uint8Array {
  return readFileSync(fileURLToPath(new URL(path, import.meta.url)));
}

function source(file: string, content: Uint8Array | string): Source {
  const read = readSource(file, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  if (!read.ok) throw new Error(read.error[0]?.message);
  return read.value;
}

test('the test file of the example is one for its pin, and has all of its calls', () => {
  const example = source('tools.test.yaml', bytes('../../examples/beam/tools.test.yaml'));
  const parsed = parseToolsTest(example, 'beam', beam);
  if (!parsed.ok) throw new Error(parsed.error.map(({ message }) => message).join('\n'));
  expect(Object.keys(parsed.value?.calls ?? {}).sort()).toEqual(Object.keys(beam.calls).sort());
  expect(Object.keys(parsed.value?.setup ?? {})).toEqual(['cad', 'mesh', 'job', 'done', 'result']);
});

test('of another tool it says nothing', () => {
  expect(parseToolsTest(source('t.yaml', 'tools: { other: { calls: { x: {} } } }'), 'beam', beam)).toEqual({
    ok: true,
    value: null,
  });
});

describe('arguments that a schema gives', () => {
  const call = (input: Record<string, unknown>): Pick<PinnedCall, 'input' | 'key'> => ({
    input,
    key: { argument: 'key' },
  });
  const object = (properties: object, required: readonly string[]) => call({ type: 'object', properties, required });

  test.each([
    [
      'its examples, without the key',
      call({ examples: [{ a: 1, key: 'x' }, { a: 2 }] }),
      { with: { a: 1 }, other: { a: 2 } },
    ],
    ['one example', call({ examples: [{ a: 1 }] }), { with: { a: 1 }, other: null }],
    [
      'examples of what is required',
      object({ a: { examples: [1, 2] }, key: {} }, ['a', 'key']),
      { with: { a: 1 }, other: { a: 2 } },
    ],
    ['a default', object({ a: { default: 5 } }, ['a']), { with: { a: 5 }, other: null }],
    [
      'a constant and a word',
      object({ a: { const: 1 }, b: { enum: ['x', 'y'] } }, ['a', 'b']),
      { with: { a: 1, b: 'x' }, other: { a: 1, b: 'y' } },
    ],
    ['nothing is required', object({ a: { type: 'number' } }, []), { with: {}, other: null }],
    ['something that nobody gives', object({ a: { default: 1 }, b: { type: 'number' } }, ['a', 'b']), null],
    ['alternatives', call({ anyOf: [{ required: ['a'] }, { required: ['b'] }] }), null],
  ])('%s', (_, given, expected) => expect(argumentsBySchema(given)).toEqual(expected));
});

describe('a skeleton', () => {
  test('is read back, and every gap in it is a problem', () => {
    const text = skeletonFile('beam', beam.calls);
    const parsed = parseToolsTest(source('tools.test.yaml', text), 'beam', beam);
    if (parsed.ok) throw new Error('gaps were taken');
    expect(parsed.error.every(({ message }) => message === 'This is not filled in yet.')).toBe(true);
    expect(parsed.error).toHaveLength(text.split('FILL IN').length - 1);
  });

  test('a description cannot leave its comment', () => {
    const hostile: PinnedCall = {
      ...beam.calls['version']!,
      effect: 'pure',
      input: {
        properties: { 'a: b': { description: 'x\n  injected: true\u2028\u202e\u001b[31m' } },
        required: ['a: b'],
      },
    };
    const text = skeletonFile('beam', { version: hostile });
    expect(source('t.yaml', text).value).toEqual({
      tools: { beam: { calls: { version: { with: { 'a: b': 'FILL IN' } } } } },
    });
    for (const character of '\u2028\u202e\u001b') expect(text).not.toContain(character);
  });
});
