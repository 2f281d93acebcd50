import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { designPhase, gatePhase, makeCall, makeLock, makeStep } from '../kernel/support.ts';
import { Bench, World } from './support.ts';

/*
 * Whoever may write the store can leave messages that no command would: they are refused or understood as far as they can be, and the
 * run goes on. One that ended its engine would end that of every `resume` as well.
 */

const NO_TEXT = '{"toString":1,"valueOf":1}';
const DEEP = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
const BODIES: readonly string[] = [
  '',
  'null',
  '[1]',
  '{}',
  '{"by":7,"reason":[true]}',
  `{"by":${NO_TEXT},"reason":"so"}`,
  `{"by":"bob","reason":${NO_TEXT}}`,
  `{"by":"\\ud800","reason":"\\udfff"}`,
  `{"by":"bob","reason":"so","where":"\\ud800"}`,
  `{"by":"bob","reason":"so","where":"point == \\"\\ud800\\""}`,
  `{"by":"bob","reason":"so","where":"${'('.repeat(4000)}"}`,
  `{"by":"bob","reason":"so","where":"nothing > 3"}`,
  `{"by":"bob","reason":"so","phase":"__proto__"}`,
  `{"by":"bob","reason":"so","phase":"\\ud800"}`,
  `{"by":"bob","points":[${NO_TEXT}]}`,
  `{"by":"bob","points":[1,1]}`,
  `{"by":"bob","points":[1e400,-1,"1",null,{}]}`,
  `{"by":"bob","points":{"length":1}}`,
  `{"point":1,"step":${NO_TEXT},"as":"done"}`,
  `{"point":{"__proto__":1},"step":"solve","envelope":{}}`,
  `{"gate":"pilot","occurrence":1,"outcome":${NO_TEXT}}`,
  `{"by":${DEEP},"reason":${DEEP},"envelope":${DEEP}}`,
  `{"by":"${'x'.repeat(100_000)}","reason":"${'y'.repeat(1_000_000)}"}`,
];
const KINDS = ['pause', 'resume', 'cancel', 'gate', 'resolve', 'retry', 'clock', 'no such kind'];

const made = () =>
  makeLock(
    {
      semantics: 2,
      pipeline: [makeStep('solve', { call: makeCall('t/solve', { with: { x: '=x' }, effect: 'by_key' }) })],
      study: [designPhase('explore'), gatePhase('pilot')],
    },
    { explore: 3 },
  );

test.each(KINDS)('%s: whatever it holds, the run goes on', async (kind) => {
  for (const body of BODIES) {
    const world = new World();
    const bench = await Bench.of(made(), world);
    world.fate = ({ arguments: { x } }) => (x === 1 ? { fail: 'tool_failed' } : { after_s: 10 });
    const process = await (await bench.start()).finish(1);
    const database = new Database(`${bench.folder}/journal.sqlite`);
    database.prepare('INSERT INTO inbox (run, kind, body) VALUES (?, ?, ?)').run(bench.run, kind, body);
    database.close();
    world.fate = () => 'answer';
    await process.finish();
    const said = `${body.slice(0, 60)}: ${process.end?.ok === false ? process.end.error.message : process.ended}`;
    expect(said).toMatch(/: (?:gate|paused|cancelled|completed)$/);
    const next =
      process.ended === 'gate' || process.ended === 'paused' ? await (await bench.resume()).finish() : process;
    expect(next.end?.ok, said).toBe(true);
    expect(await bench.inboxSize(), said).toBe(0);
    const largest = Math.max(...(await bench.verified()).map((row) => row.body.length));
    expect(largest, said).toBeLessThan(10_000);
  }
});
