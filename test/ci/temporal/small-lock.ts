import type { DesignTable, Lock, LockedCall, LockedPhase } from '../../../src/ir/lock.ts';
import { SEMANTICS } from '../../../src/ir/events.ts';

const DIGEST = '0'.repeat(64);

function call(name: string, given: Record<string, string>, changes: Partial<LockedCall> = {}): LockedCall {
  const arguments_ = { number: '=number', ...given };
  return {
    call: `fake/${name}`,
    with: arguments_,
    timeout_s: 60,
    expect: [],
    parse: null,
    effect: 'by_key',
    ...changes,
  };
}

const STEP = { description: '', needs: [], when: null, uses: {}, retry: { attempts: 1, backoff_s: 1, on: [] } };

function phase(name: string, what: Partial<LockedPhase>): LockedPhase {
  return { phase: name, design: null, gate: null, decide: null, ...what };
}

function table(id: string, rows: number, first_point: number): Lock['tables'][number] {
  const quality = { min_distance: null, centered_discrepancy: null, max_abs_correlation: null, latin: false };
  return { id, sha256: DIGEST, rows, first_point, generator: { table: true }, quality };
}

const WORDS = ['one', 'two', 'three', 'four', 'five', 'six'];
const rows = (...numbers: number[]) => numbers.map((number) => [number, 5 + number, WORDS[number - 1]!]);

/** Design tables of the lock: the variable `number` is the point's number, for the fake tool to know it. */
export const TABLES: Readonly<Record<string, DesignTable>> = {
  explore: { columns: ['number', 'width', 'word'], rows: rows(1, 2, 3, 4) },
  more: { columns: ['number', 'width', 'word'], rows: rows(5) },
  'judge.1#1': { columns: ['number', 'width', 'word'], rows: rows(6) },
};

const PINNED: Lock['tools'][number]['pinned'] = {
  transport: { kind: 'process', command: ['fake'], env: {} },
  program: [],
  server: null,
  probe: null,
  calls: {},
};

/** Small, and with a bit of everything that crosses between workflows: a pool, a job, a retry, a skipped step, a gate, a decision. */
export const LOCK: Lock = {
  expctl_lock: 1,
  semantics: SEMANTICS,
  name: 'small',
  goal: 'The same events on two engines.',
  assumptions: [],
  questions: [],
  drafted: null,
  environment: { name: 'local', class: 'sandbox', pools: { cores: 1 }, sha256: DIGEST },
  constants: [{ name: 'load', value: 100, unit: 'N' }],
  variables: [
    variable('number', 'integer', ''),
    variable('width', 'real', 'mm'),
    { ...variable('word', 'choice', ''), min: null, max: null, values: WORDS },
  ],
  derived: [{ name: 'half', value: 'width / 2' }],
  constraints: [],
  pipeline: [
    {
      ...STEP,
      name: 'cad',
      retry: { attempts: 2, backoff_s: 0.5, on: ['transient'] },
      call: call('cad', { width: '=width', word: '=word' }),
      job: null,
    },
    { ...STEP, name: 'extra', needs: ['cad'], when: 'number > 99', call: call('cad', {}), job: null },
    {
      ...STEP,
      name: 'solve',
      needs: ['cad'],
      uses: { cores: 1 },
      call: null,
      job: {
        submit: call('submit', { cad: '=cad.id', load: '=load' }),
        poll: {
          ...call('wait', { job: '=submit.job' }, { effect: 'pure', expect: ["status == 'done'"] }),
          every_s: 0.2,
          until: "status in ['done', 'failed']",
        },
        fetch: call('fetch', { job: '=submit.job' }, { effect: 'pure' }),
      },
    },
    { ...STEP, name: 'post', needs: ['solve'], call: call('post', { result: '=solve.result' }), job: null },
  ],
  metrics: [
    { name: 'mass', value: '=post.mass', unit: 'kg', plausible: [0, 100], description: '' },
    { name: 'deflection', value: '=post.deflection', unit: 'mm', plausible: null, description: '' },
  ],
  objectives: [{ metric: 'mass', sense: 'minimize' }],
  outcome_constraints: ['deflection <= 0.4'],
  study: [
    phase('explore', { design: { tables: ['explore'] } }),
    phase('pilot', {
      gate: { role: 'lead', ask: 'Go on?', evidence: ['metrics'], outcomes: ['continue', 'stop'], timeout_s: 3600 },
    }),
    phase('more', { design: { tables: ['more'] } }),
    phase('judge', {
      decide: [
        {
          if: 'size(feasible) < 5',
          action: { do: 'extend', phase: 'explore', points: 1, tables: ['judge.1#1'] },
          at_most: 1,
          because: 'too few are feasible',
        },
        { if: null, action: { do: 'stop' }, at_most: null, because: 'enough' },
      ],
    }),
  ],
  tables: [table('explore', 4, 1), table('more', 1, 5), table('judge.1#1', 1, 6)],
  pools: { cores: 1 },
  in_flight: 2,
  budget: { points: 6, calls: 60, wall_time_s: 3600, failed_points: 1 },
  tools: [{ name: 'fake', pin: DIGEST, pinned: PINNED }],
  notes: [],
  forecast: { points: 6, calls: 36, calls_per_point: 6, jobs: 6, gates: 1, pool_hours: { cores: 0.1 } },
};

function variable(name: string, type: 'integer' | 'real' | 'choice', unit: string): Lock['variables'][number] {
  return { name, type, unit, min: 0, max: 100, values: null, scale: 'linear', description: '' };
}
