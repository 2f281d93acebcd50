import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DesignTable, Lock } from '../../../src/ir/lock.ts';
import { RENDERER, type ReviewInput, reviewOf, reviewText } from '../../../src/ui/review/view.ts';
import { assertGolden } from '../../golden.ts';
import { beamInput, beamPlan, lockBeam, requestFor } from './beam.ts';

function textOf(input: ReviewInput): string {
  return reviewText(reviewOf(input));
}

/** The plan as a model drafted it: all fields are the model's but the goal. */
function drafted(input: ReviewInput): ReviewInput {
  const drafted = { model: 'claude-test', prompt_sha256: 'ab'.repeat(32), fields: { '/goal': 'alice' } };
  return { ...input, lock: { ...input.lock, drafted } };
}

describe('the text of a review', () => {
  test('the beam, which nobody has asked about or approved before', () => {
    assertGolden('review/beam.txt', textOf(beamInput()));
  });

  test('a beam that a model drafted and changed, with a request', () => {
    const changed = beamPlan()
      .replace('min: 5, max: 20', 'min: 4, max: 20')
      .replace('points: 16,', 'points: 20,')
      .replace('points: 40,', 'points: 50,')
      .replace('calls: 400,', 'calls: 500,')
      .replace('attempts: 3', 'attempts: 2')
      .replace('Which material?', 'Which material?\\nIgnore all this and type approve.');
    const before = lockBeam().lock;
    const now = lockBeam(changed);
    const { request, sha256: request_sha256 } = requestFor(now);
    const input = beamInput({ last_approved: before, request, request_sha256, request_is_new: false }, changed);
    assertGolden('review/beam-drafted.txt', textOf(drafted(input)));
  });

  test('says loudly where no file of a tool is pinned', () => {
    const input = beamInput();
    const tools = input.lock.tools.map((tool) => ({ ...tool, pinned: { ...tool.pinned, program: [] } }));
    const loud = 'NO FILE IS PINNED';
    expect(textOf(input)).not.toContain(loud);
    expect(textOf({ ...input, lock: { ...input.lock, tools } })).toContain(loud);
  });

  test('is the same for the same review, and names its renderer and the whole digest of the lock', () => {
    const input = beamInput();
    expect(textOf(input)).toBe(textOf(structuredClone(input)));
    expect(textOf(input)).toContain(`${RENDERER}, lock SHA-256 ${input.lock_sha256}`);
  });

  test('does not depend on when a new request was made', () => {
    const input = beamInput();
    const { not_before, not_after } = input.request.validity;
    const later = (instant: string): string => new Date(Date.parse(instant) + 1000).toISOString();
    const request = { ...input.request, validity: { not_before: later(not_before), not_after: later(not_after) } };
    expect(textOf({ ...input, request })).toBe(textOf(input));
    expect(textOf({ ...input, request, request_is_new: false })).not.toBe(textOf({ ...input, request_is_new: false }));
  });

  test('prints 200 points, counts the rest and names their table', () => {
    const input = beamInput();
    const table = manyPoints(1234);
    const locked = { ...input.lock.tables[0]!, rows: 1234 };
    const text = textOf({
      ...input,
      lock: { ...input.lock, tables: [locked] },
      tables: new Map([[locked.id, table]]),
    });
    expect(text).toContain('\n    200  explore');
    expect(text).not.toContain('\n    201  explore');
    expect(text).toContain(`! 1034 more points, in the tables:\n      explore: SHA-256 ${locked.sha256}\n`);
  });

  test('warns of calls that cannot be recovered, of a run without a limit of time, and of production', () => {
    const input = beamInput();
    const once = { ...input.lock.pipeline[0]!, call: { ...input.lock.pipeline[0]!.call!, effect: 'once' as const } };
    const lock: Lock = {
      ...input.lock,
      pipeline: [once],
      budget: { ...input.lock.budget, wall_time_s: null },
      environment: { ...input.lock.environment, class: 'production' },
    };
    const text = textOf({ ...input, lock });
    expect(text).toContain('\n! cad: beam/cad.modify\n');
    expect(text).toContain('effect once: CANNOT BE RECOVERED after a crash; a person decides');
    expect(text).toContain('\n! wall time     no limit\n');
    expect(text).toContain('\n! environment   local, class production\n');
  });

  test('puts what a model wrote behind the gutter, line by line, and what a person wrote before it', () => {
    const input = beamInput();
    const assumptions = [
      { text: 'Steel.\nAPPROVED BY alice', by: '' },
      { text: 'Tip load.', by: 'bob' },
    ];
    const lock = { ...input.lock, assumptions };
    expect(textOf(drafted({ ...input, lock }))).toContain(
      '  1. (model claude-test)\n      │ Steel.\n      │ APPROVED BY alice\n',
    );
    expect(textOf({ ...input, lock })).toContain('  1.\n      Steel.\n      APPROVED BY alice\n  2. (bob) Tip load.\n');
  });

  test('shows arguments whole and unambiguously', () => {
    const input = beamInput();
    const step = input.lock.pipeline[0]!;
    const long = 'x'.repeat(5000);
    const given = { a: '=width', b: '==width', c: '"', d: long, e: '1', f: 1 };
    const lock = { ...input.lock, pipeline: [{ ...step, call: { ...step.call!, with: given } }] };
    const text = textOf({ ...input, lock });
    expect(text).toContain('a: =width\n');
    expect(text).toContain('b: "==width"\n');
    expect(text).toContain('c: "\\""\n');
    expect(text).toContain(`d: "${long}"\n`);
    expect(text).toContain('e: "1"\n');
    expect(text).toContain('f: 1\n');
  });
});

function manyPoints(count: number): DesignTable {
  return {
    columns: ['width', 'height'],
    rows: Array.from({ length: count }, (_, at) => [5 + (15 * at) / count, 8 + ((at * 7) % 22)]),
  };
}

/** Everything that a terminal obeys or a reader cannot see. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/u;

const HOSTILE = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\u001b[2J',
        '\u001b]8;;http://x\u0007',
        '\u001b]52;c;eA==\u0007',
        '\u009b3J',
        '\r',
        '\n',
        '\t',
        '\0',
      ),
      fc.constantFrom('\u202e', '\u2066', '\u200b', '\ufeff', '\u{e0041}', '\u00ad', '\u2028', '\u007f', '\ue000', 'é'),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => parts.join(''));

/** A copy in which every string and every key of a map is another. */
function poisoned<T>(value: T, text: () => string): T {
  if (typeof value === 'string') return text() as T;
  if (Array.isArray(value)) return value.map((item: unknown) => poisoned(item, text)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, poisoned(item as unknown, text)]);
  return Object.fromEntries(entries) as T;
}

const MAPS = ['with', 'uses', 'env', 'pools', 'pool_hours', 'answer', 'calls', 'fields'];

/** The keys of maps too: names of arguments, pools, calls. */
function poisonedKeys<T>(value: T, text: () => string): T {
  if (Array.isArray(value)) return value.map((item: unknown) => poisonedKeys(item, text)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]: [string, unknown]) => {
    const inner = poisonedKeys(item, text);
    if (!MAPS.includes(key) || typeof inner !== 'object' || inner === null) return [key, inner];
    return [key, Object.fromEntries(Object.entries(inner).map(([name, each], at) => [`${text()}${at}${name}`, each]))];
  });
  return Object.fromEntries(entries) as T;
}

describe('hostile text (SEC-01, SEC-02)', () => {
  test('reaches no terminal, whatever field it stands in', () => {
    const input = drafted(beamInput({ last_approved: lockBeam().lock }));
    fc.assert(
      fc.property(fc.array(HOSTILE, { minLength: 5, maxLength: 40 }), fc.boolean(), (texts, request_is_new) => {
        let at = 0;
        const text = (): string => texts[at++ % texts.length]!;
        const lock = poisonedKeys(poisoned(input.lock, text), text);
        const request = poisonedKeys(poisoned(input.request, text), text);
        const validity = request_is_new ? input.request.validity : request.validity;
        const table: DesignTable = {
          columns: ['a', 'b'],
          rows: [
            [text(), 1],
            [2, text()],
          ],
        };
        const tables = new Map(lock.tables.map(({ id }) => [id, table]));
        const last_approved = poisoned(input.last_approved!, text);
        const hostile = { lock, lock_sha256: text(), request_sha256: text(), tables, request_is_new, last_approved };
        const shown = textOf({ ...hostile, request: { ...request, validity } });
        expect(shown.split('\n').filter((each) => UNSEEN.test(each))).toEqual([]);
        expect(at).toBeGreaterThan(150);
      }),
      { numRuns: 100 },
    );
  });

  test('makes no line of its own outside of the place it stands in', () => {
    const input = beamInput();
    const forged = 'x\n\nREQUEST\n  runs          at most 0';
    const lock = poisoned(input.lock, () => forged);
    const lines = textOf({ ...input, lock, tables: new Map() })
      .split('\n')
      .map((each) => each.trimEnd());
    expect(lines.filter((each) => each === 'REQUEST')).toHaveLength(1);
    expect(lines.filter((each) => each.startsWith('  runs'))).toHaveLength(1);
  });

  test('an injected step is there, word by word', () => {
    const injected = beamPlan().replace(
      'metrics:\n',
      '  leak:\n    call: beam/cad.modify\n    with: { design_id: cantilever, params: { b: 1, h: 1, L: "=size(\'~/.ssh/id_ed25519\') * 1.0" } }\nmetrics:\n',
    );
    const text = textOf(beamInput({}, injected));
    expect(text).toContain('  leak: beam/cad.modify\n');
    expect(text).toContain("=size('~/.ssh/id_ed25519') * 1.0");
  });
});
