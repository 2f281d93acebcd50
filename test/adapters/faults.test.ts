import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SendingFault, ToolSession, Unheard } from '../../src/engines/ports.ts';
import { stable, ToolProject } from './tools-project.ts';

/* Faults of single sendings, on a server and on a program: what expctl hears, what it does not hear, and what the tool has done. */

const KEY = { argument: 'idempotency_key' };
const DECLARATIONS = {
  mcp: { mcp: { command: ['node', 'keyed-server.mjs'] }, calls: { submit: { effect: 'by_key', key: KEY } } },
  process: {
    process: { command: ['node', 'keyed-program.mjs'] },
    calls: { submit: { effect: 'by_key', key: KEY, argv: ['submit'] } },
  },
} as const;

interface Struck {
  readonly unheard: Unheard | null;
  readonly release: () => void;
}

describe.each(['mcp', 'process'] as const)('%s', (transport) => {
  let project: ToolProject;
  let session: ToolSession;
  beforeEach(async () => {
    project = new ToolProject('keyed.mjs', 'keyed-server.mjs', 'keyed-program.mjs');
    project.order({ work_ms: 50 });
    session = await project.open(await project.pin(DECLARATIONS[transport]));
  });
  afterEach(async () => {
    await project.end();
    project.remove();
  });

  /** Sends with a fault; gives up once it has struck, where the call would stay out. */
  async function send(fault: Pick<SendingFault, 'kind' | 'after_ms'>, key = 'a') {
    const over = new AbortController();
    const struck: Struck[] = [];
    const end = await session.call(
      project.call(
        'submit',
        { name: 'x' },
        {
          key,
          signal: over.signal,
          fault: {
            ...fault,
            struck: (unheard, release) => {
              struck.push({ unheard, release });
              if (!fault.kind.startsWith('kill')) over.abort();
            },
          },
        },
      ),
    );
    return { end: stable(end), struck };
  }
  /** What reached the tool, in order. */
  const sendings = () =>
    existsSync(project.path('sendings.log'))
      ? readFileSync(project.path('sendings.log'), 'utf8').trim().split('\n')
      : [];
  const plain = async (key = 'a') => stable(await session.call(project.call('submit', { name: 'x' }, { key })));
  const answered = { kind: 'answer', answer: { job: expect.stringMatching(/^job-/) as unknown } };

  test('a request that is dropped never reaches the tool', async () => {
    const { end, struck } = await send({ kind: 'drop_request' });
    expect(end).toMatchObject({ kind: 'lost', reason: 'timeout' });
    expect(struck).toMatchObject([{ unheard: null }]);
    expect(sendings()).toEqual([]);
    expect(await plain()).toMatchObject(answered);
    expect(sendings()).toEqual(['submit a']);
  });

  test.each(['drop_answer', 'hold_answer'] as const)('%s: the tool has executed, and nobody heard it', async (kind) => {
    const { end, struck } = await send({ kind });
    expect(end).toMatchObject({ kind: 'lost', reason: 'timeout' });
    expect(struck).toMatchObject([{ unheard: answered }]);
    expect(sendings()).toEqual(['submit a']);
    const again = await plain();
    expect(again).toMatchObject(struck[0]!.unheard!);
    struck[0]!.release(); // to nobody, now
    expect(await plain()).toEqual(again);
  });

  test('killed on its answer: it has executed, is gone, and is started again', async () => {
    const { end, struck } = await send({ kind: 'kill_on_answer' });
    expect(end).toMatchObject({ kind: 'lost', reason: 'died' });
    expect(struck).toMatchObject([{ unheard: answered }]);
    expect(await plain()).toMatchObject(struck[0]!.unheard!);
  });

  test('killed while at work: it has begun, and answered nothing', async () => {
    project.order({ work_ms: 60_000 });
    await session.close();
    session = await project.open(await project.pin(DECLARATIONS[transport]));
    const { end, struck } = await send({ kind: 'kill_after', after_ms: 500 });
    expect(end).toMatchObject({ kind: 'lost', reason: 'died' });
    expect(struck).toMatchObject([{ unheard: null }]);
  });

  test('killed too late for that: as on its answer', async () => {
    const { end, struck } = await send({ kind: 'kill_after', after_ms: 60_000 });
    expect(end).toMatchObject({ kind: 'lost', reason: 'died' });
    expect(struck).toMatchObject([{ unheard: answered }]);
  });

  test('a failure that nobody heard is told as one', async () => {
    await plain();
    const over = new AbortController();
    const struck: (Unheard | null)[] = [];
    const fault: SendingFault = {
      kind: 'drop_answer',
      struck: (unheard) => {
        struck.push(unheard);
        over.abort();
      },
    };
    await session.call(project.call('submit', { name: 'other' }, { key: 'a', signal: over.signal, fault }));
    expect(struck).toMatchObject([{ kind: 'failure', class: 'tool_failed' }]);
  });

  test('other calls that are out at the same time are heard', async () => {
    const [faulty, sound] = await Promise.all([send({ kind: 'drop_answer' }, 'a'), plain('b')]);
    expect(faulty.end).toMatchObject({ kind: 'lost' });
    expect(sound).toMatchObject(answered);
  });
});
