import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  BEAM,
  beamModule,
  type BeamServer,
  ended,
  jobsStarted,
  meshedBeam,
  startBeam,
  submitted,
  temporaryFolder,
  working,
} from './beam-client.ts';

interface Stamp {
  pid: number;
  since: string;
}
interface ProcessModule {
  stampOf(pid: number): Stamp | undefined;
  isAlive(stamp: Stamp | undefined): boolean;
}
interface JobsModule {
  claimJob(root: string, key: string, inputs: object, findSolver: () => object): string;
  jobStatus(root: string, run_id: string): { status: string; message: string };
}

const { stampOf, isAlive } = await beamModule<ProcessModule>('process-stamp.js');
const { claimJob, jobStatus } = await beamModule<JobsModule>('jobs.js');

const SIZE = { b: 10, h: 20, L: 200 };
const LONG = { BEAM_SOLVE_DELAY_MS: '600000' };
const BUILTIN = { name: 'builtin', version: '1.0.0' };
const INPUTS = { solver: 'builtin', load: 100, E_MPa: 210_000, density_kg_m3: 7850, nu: 0 };

/** A server with a mesh; the same folder may be served again by another one. */
async function meshed(
  env: Record<string, string> = {},
): Promise<{ state: string; server: BeamServer; mesh_id: string }> {
  const state = temporaryFolder();
  const server = await startBeam(state, env);
  return { state, server, mesh_id: await meshedBeam(server, SIZE, 'mesh') };
}

async function killed(pid: number): Promise<void> {
  const stamp = stampOf(pid);
  process.kill(pid, 'SIGKILL');
  while (isAlive(stamp)) await new Promise((resolve) => setImmediate(resolve));
}

describe('a key is one job', () => {
  test('however often it is submitted, and two keys are two jobs', async () => {
    const { state, server, mesh_id } = await meshed();
    const submit = (key: string) => submitted(server, { mesh_id, load: 100, idempotency_key: key });
    const [one, again, two] = await Promise.all([submit('one'), submit('one'), submit('two')]);
    expect(again).toBe(one);
    expect(two).not.toBe(one);
    for (const run_id of [one, two]) expect(await ended(server, run_id)).toMatchObject({ status: 'done' });
    expect(await submit('one')).toBe(one);
    expect(
      jobsStarted(state)
        .map(({ key }) => key)
        .sort(),
    ).toEqual(['one', 'two']);
  });

  test('of which only one copy works', async () => {
    const { state, mesh_id } = await meshed();
    const run_id = claimJob(state, 'k', { ...INPUTS, mesh_id }, () => BUILTIN);
    const copies = Array.from({ length: 4 }, () => spawn(process.execPath, [join(BEAM, 'job.js'), state, run_id]));
    const codes = await Promise.all(copies.map(async (copy) => (await once(copy, 'exit'))[0] as number));
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(jobsStarted(state).length).toBe(1);
    expect(jobStatus(state, run_id).status).toBe('done');
  });
});

describe('a server that is killed', () => {
  test('does not take its jobs with it', async () => {
    const { state, server, mesh_id } = await meshed({ BEAM_SOLVE_DELAY_MS: '3000' });
    const submit = { mesh_id, load: 100, idempotency_key: 'k' };
    const run_id = await submitted(server, submit);
    const job = await working(server, state, run_id);
    await killed(server.pid);
    expect(isAlive(stampOf(job))).toBe(true);

    const next = await startBeam(state);
    expect(await next.get('solve.wait', { run_id })).toMatchObject({ status: 'running' });
    expect(await submitted(next, submit)).toBe(run_id);
    expect(await ended(next, run_id)).toMatchObject({ status: 'done' });
    expect(jobsStarted(state).length).toBe(1);
  });

  test('between the claim and the start of the job starts it when asked again', async () => {
    const { state, server, mesh_id } = await meshed();
    const claimed_run = claimJob(state, 'k', { ...INPUTS, mesh_id }, () => BUILTIN);
    expect(jobsStarted(state)).toEqual([]);
    const run_id = await submitted(server, { mesh_id, solver: 'builtin', load: 100, idempotency_key: 'k' });
    expect(run_id).toBe(claimed_run);
    expect(await ended(server, run_id)).toMatchObject({ status: 'done' });
    expect(jobsStarted(state).length).toBe(1);
  });

  test('between the start of the job and its record does not start another one', async () => {
    const { state, server, mesh_id } = await meshed(LONG);
    const submit = { mesh_id, load: 100, idempotency_key: 'k' };
    const run_id = await submitted(server, submit);
    const job = await working(server, state, run_id);
    await killed(server.pid);
    writeFileSync(join(state, 'runs', run_id, 'spawned.json'), JSON.stringify({ pid: server.pid, since: 'before' }));

    const next = await startBeam(state);
    expect(await submitted(next, submit)).toBe(run_id);
    expect(await next.get('solve.wait', { run_id })).toMatchObject({ status: 'running' });
    expect(jobsStarted(state).map(({ pid }) => pid)).toEqual([job]);
    await killed(job);
  });
});

describe('a job', () => {
  test('that vanishes is lost, and its key does not start another one', async () => {
    const { state, server, mesh_id } = await meshed(LONG);
    const submit = { mesh_id, load: 100, idempotency_key: 'k' };
    const run_id = await submitted(server, submit);
    const early = await server.call('solve.fetch', { run_id });
    expect(early).toMatchObject({ failed: true, text: expect.stringMatching(/no result, it is running/) as string });

    await killed(await working(server, state, run_id));
    expect(await ended(server, run_id)).toEqual({ status: 'failed', message: 'lost' });
    expect(await submitted(server, submit)).toBe(run_id);
    expect(await ended(server, run_id)).toEqual({ status: 'failed', message: 'lost' });
    expect(jobsStarted(state).length).toBe(1);
    const late = await server.call('solve.fetch', { run_id });
    expect(late).toMatchObject({ failed: true, text: expect.stringMatching(/failed: lost/) as string });
  });

  test('is lost if its process id now belongs to another process', async () => {
    const state = temporaryFolder();
    const run_id = claimJob(state, 'k', INPUTS, () => BUILTIN);
    const folder = join(state, 'runs', run_id);
    expect(jobStatus(state, run_id)).toEqual({ status: 'running', message: 'The job is starting.' }); // claimed by us
    writeFileSync(join(folder, 'started.json'), JSON.stringify({ pid: process.pid, since: 'another boot/1' }));
    expect(jobStatus(state, run_id)).toEqual({ status: 'failed', message: 'lost' });
    writeFileSync(join(folder, 'started.json'), JSON.stringify(stampOf(process.pid)));
    expect(jobStatus(state, run_id)).toEqual({ status: 'running', message: 'The solver is at work.' });
  });

  test('writes its result whole, then its exit record, and leaves no other file behind', async () => {
    const { state, server, mesh_id } = await meshed();
    const run_id = await submitted(server, { mesh_id, load: 100, idempotency_key: 'k' });
    await ended(server, run_id);
    expect(readdirSync(join(state, 'runs', run_id)).sort()).toEqual([
      'claim.json',
      'exit.json',
      'job.log',
      'spawned.json',
      'started.json',
    ]);
    const { result_id } = await server.get('solve.fetch', { run_id });
    expect(readdirSync(join(state, 'results'))).toEqual([`${String(result_id)}.json`]);
  });
});

describe('a process', () => {
  test('that has ended, but that nobody has reaped, is not alive', async () => {
    const shell = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [pid] = (await once(shell.stdout, 'data')) as [Buffer];
    const zombie = Number(pid.toString());
    while (stampOf(zombie) !== undefined) await new Promise((resolve) => setImmediate(resolve));
    expect(existsSync(`/proc/${zombie}`)).toBe(true);
    shell.kill('SIGKILL');
  });

  test('is told from others by its start', () => {
    const self = stampOf(process.pid)!;
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ ...self, since: `${self.since}0` })).toBe(false);
    expect(isAlive(undefined)).toBe(false);
    expect(stampOf(2 ** 22 + 1)).toBeUndefined();
  });
});

/** What CalculiX prints into beam.dat; the mesh has 21 nodes at each end. */
function datFile(displacement: string, reaction: string): string {
  return `
 displacements (vx,vy,vz) for set TIP and time  0.1000000E+01

NODES
 total force (fx,fy,fz) for set WALL and time  0.1000000E+01

       -1.000000E-13  1.000000E-13  ${reaction}
`.replace(
    'NODES',
    `$(sed -n '/^\\*NSET, NSET=TIP/,/^\\*MATERIAL/p' beam.inp | grep -v '\\*' | tr ',' '\\n' | awk 'NF { print $1, 0, 0, "${displacement}" }')\n`,
  );
}

describe('a solver that says it is done is not believed', () => {
  const SOUND = datFile('-1.908E-01', '1.000000E+02');
  const CASES: [string, string, number, RegExp][] = [
    ['', SOUND, 0, /^ccx 2\.20 solved it\.$/],
    [' *ERROR in readinput: cannot open file', SOUND, 0, /CalculiX says: \*ERROR in readinput/],
    ['', '', 0, /exited 0 but wrote no beam\.dat/],
    ['', SOUND, 201, /ended with exit code 201/],
    ['', 'nothing', 0, /printed no "displacements/],
    ['', datFile('NaN', '1.000000E+02'), 0, /deflection is not a finite number/],
    ['', datFile('-4.9E+11', '1.000000E+02'), 0, /absurd/],
    ['', datFile('-1.908E-01', '9.980000E+01'), 0, /reaction is 99\.8 N, but the load is 100 N/],
    ['', datFile('-1.908E-01', ''), 0, /reaction is not a finite number/],
  ];

  test('it printed an error, no result, nonsense, or breaks equilibrium', async () => {
    const program = temporaryFolder();
    const path = `${program}:${process.env['PATH'] ?? ''}`;
    const { server, mesh_id, state } = await meshed({ PATH: path, BEAM_SOLVER: 'ccx' });
    for (const [index, [printed, dat, code, message]] of CASES.entries()) {
      const write = dat === '' ? '' : `cat > beam.dat <<END\n${dat}\nEND\n`;
      const version = 'if [ "$1" = -v ]; then echo "This is Version 2.20"; exit 201; fi';
      writeFileSync(join(program, 'ccx'), `#!/bin/sh\n${version}\necho "${printed}"\n${write}exit ${code}\n`, {
        mode: 0o755,
      });
      const run_id = await submitted(server, { mesh_id, load: 100, idempotency_key: String(index) });
      const end = await ended(server, run_id);
      expect(end['message']).toMatch(message);
      expect(end['status']).toBe(index === 0 ? 'done' : 'failed');
    }
    expect(readFileSync(join(state, 'solver.log'), 'utf8').trimEnd().split('\n').length).toBe(CASES.length);
  });
});
