import { describe, expect, test } from 'vitest';
import { sha256Hex, utf8 } from '../../src/approval/bytes.ts';
import { instantMs } from '../../src/approval/fields.ts';
import { lockFacts, widenedLimits } from '../../src/approval/lock-facts.ts';
import { buildRequest, parseRequest } from '../../src/approval/request.ts';
import type { RequestOptions } from '../../src/approval/request.ts';
import type { JsonObject } from '../../src/base/json.ts';
import { unwrap } from '../../src/base/result.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import type { Lock } from '../../src/ir/lock.ts';
import { environment, limits, lock_sha256, NOON_MS, requestOf } from './fixtures.ts';

test('a request asks for one run on the embedded engine within 14 days', () => {
  const { request, bytes, sha256 } = requestOf();
  expect(request).toEqual({
    v: 1,
    lock: { sha256: lock_sha256 },
    plan_name: 'beam',
    engines: ['embedded'],
    environment,
    limits,
    max_runs: 1,
    validity: { not_before: '2026-06-01T12:00:00.000Z', not_after: '2026-06-15T12:00:00.000Z' },
    requested_by: 'dave',
    created_at: '2026-06-01T12:00:00.000Z',
  });
  expect(new TextDecoder().decode(bytes)).toBe(canonicalJson(request));
  expect(sha256).toBe(sha256Hex(bytes));
  expect(parseRequest(bytes)).toEqual({ ok: true, value: { request, bytes, sha256 } });
});

test('its digest is pinned: the format does not change by accident', () => {
  expect(requestOf().sha256).toBe('61dd7272d5e5abc632d8c17ac185ec6280c5317892b982fdaaedc7e9d123c38f');
});

test('options narrow or widen it', () => {
  const { request } = requestOf({
    engines: ['temporal', 'prefect'],
    max_runs: 3,
    validity_s: 3600,
    requested_by: null,
  });
  expect(request).toMatchObject({ engines: ['temporal', 'prefect'], max_runs: 3, requested_by: null });
  expect(request.validity.not_after).toBe('2026-06-01T13:00:00.000Z');
});

describe('a request cannot be made', () => {
  const base = { lock_sha256, plan_name: 'beam', environment, limits, requested_by: 'dave', now_ms: NOON_MS };
  test.each<[string, Partial<RequestOptions>]>([
    ['for no run', { max_runs: 0 }],
    ['for half a run', { max_runs: 1.5 }],
    ['for no engine', { engines: [] }],
    ['for an engine twice', { engines: ['embedded', 'embedded'] }],
    ['that ends at once', { validity_s: 0 }],
    ['that never ends', { validity_s: Number.POSITIVE_INFINITY }],
    ['by somebody without a proper name', { requested_by: 'Älice' }],
    ['by somebody whose name ends a line', { requested_by: 'alice\n' }],
    ['for something that is no digest', { lock_sha256: 'abc' }],
    ['with a negative limit', { limits: { ...limits, calls: -1 } }],
  ])('%s', (_, changes) =>
    expect(buildRequest({ ...base, ...changes })).toMatchObject({ ok: false, error: { code: 'USAGE' } }),
  );
});

describe('a request is refused', () => {
  test.each<[string, (request: JsonObject) => void]>([
    ['of version 0', (r) => (r['v'] = 0)],
    ['of version 2', (r) => (r['v'] = 2)],
    ['with an unknown field', (r) => (r['scope'] = {})],
    ['with an unknown limit', (r) => ((r['limits'] as JsonObject)['tokens'] = 1)],
    ['without limits', (r) => delete r['limits']],
    [
      'that ends before it begins',
      (r) => (r['validity'] = { not_before: '2026-06-02T00:00:00Z', not_after: '2026-06-01T00:00:00Z' }),
    ],
    ['with an unknown engine', (r) => (r['engines'] = ['cloud'])],
    ['without saying who asked, or that nobody did', (r) => delete r['requested_by']],
  ])('%s', (_, change) => {
    const copy = structuredClone(requestOf().request) as unknown as JsonObject;
    change(copy);
    expect(parseRequest(utf8(canonicalJson(copy)))).toMatchObject({ ok: false, error: { code: 'APPROVAL_INVALID' } });
  });

  test.each([
    ['spread over lines', (text: string) => JSON.stringify(JSON.parse(text), null, 2)],
    [
      'with keys in another order',
      (text: string) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).reverse())),
    ],
    ['with an escape', (text: string) => text.replace('"beam"', '"\\u0062eam"')],
    ['with another spelling of a number', (text: string) => text.replace('"max_runs":1', '"max_runs":1.0')],
  ])('%s', (_, change) => {
    const text = new TextDecoder().decode(requestOf().bytes);
    expect(change(text)).not.toBe(text);
    const result = parseRequest(utf8(change(text)));
    expect(!result.ok && result.error.message).toContain('canonical');
  });
});

describe('limits', () => {
  test('are widened by what the lock does not state or states lower', () => {
    expect(widenedLimits(limits, limits)).toEqual([]);
    expect(widenedLimits({ points: 1, calls: 1 }, limits)).toEqual([]);
    expect(widenedLimits({ ...limits, failed_points: 3 }, limits)).toEqual([]);
    expect(widenedLimits({ points: 61, calls: 601, jobs: 61, pool_hours: { cores: 8, gpu: 1 } }, limits)).toEqual([
      'points',
      'calls',
      'jobs',
      'pool_hours.gpu',
    ]);
  });

  test('come from the forecast and the budget of a lock', () => {
    const lock = {
      name: 'beam',
      environment: { ...environment, class: 'sandbox', pools: {} },
      forecast: { points: 60, calls: 600, calls_per_point: 10, jobs: 60, gates: 1, pool_hours: { cores: 8 } },
      budget: { points: 60, calls: 600, wall_time_s: null, failed_points: 10 },
    } as unknown as Lock;
    expect(lockFacts(lock)).toEqual({
      plan_name: 'beam',
      environment,
      limits: { points: 60, calls: 600, jobs: 60, pool_hours: { cores: 8 }, failed_points: 10 },
    });
    expect(lockFacts({ ...lock, budget: { ...lock.budget, wall_time_s: 9, failed_points: null } }).limits).toEqual({
      points: 60,
      calls: 600,
      jobs: 60,
      pool_hours: { cores: 8 },
      wall_time_s: 9,
    });
  });
});

test.each([
  ['2026-06-01T12:00:00Z', NOON_MS],
  ['2026-06-01T12:00:00.001Z', NOON_MS + 1],
  ['2026-02-30T12:00:00Z', undefined],
  ['2026-06-01T24:00:00Z', undefined],
  ['2026-06-01T12:00:60Z', undefined],
  ['2026-06-01T12:00:00', undefined],
  ['2026-06-01T12:00:00+00:00', undefined],
  ['2026-06-01', undefined],
  ['now', undefined],
])('the instant %s', (text, milliseconds) => expect(instantMs(text)).toBe(milliseconds));

test('a request of 65 kB is refused', () => {
  const pool_hours = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`pool_${i}`, 1]));
  const bytes = utf8(
    canonicalJson({ ...unwrap(parseRequest(requestOf().bytes)).request, limits: { ...limits, pool_hours } }),
  );
  const result = parseRequest(bytes);
  expect(!result.ok && result.error.message).toContain('longer than');
});
