import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  BEAM,
  beamModule,
  CORNERS,
  ended,
  meshedBeam,
  startBeam,
  submitted,
  temporaryFolder,
  timoshenko,
} from './beam-client.ts';

const CANTILEVER = { design_id: 'cantilever', params: { b: 10, h: 20, L: 200 } };
const CAD = { ...CANTILEVER, idempotency_key: 'k' };
const stepFile = (state: string, id: unknown) => join(state, 'cad', `${String(id)}.step`);

describe('the tools', () => {
  test('are seven, each with schemas for what it takes and gives', async () => {
    const { client } = await startBeam(temporaryFolder());
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'cad.modify',
      'mesh.generate',
      'solve.submit',
      'solve.wait',
      'solve.fetch',
      'post.extract',
      'version',
    ]);
    for (const { inputSchema, outputSchema } of tools) {
      expect(inputSchema['additionalProperties']).toBe(false);
      expect(outputSchema?.type).toBe('object');
    }
  });

  test('evaluate the corners of the plan as theory says', async () => {
    const server = await startBeam(temporaryFolder());
    for (const size of CORNERS) {
      const key = `${size.b} x ${size.h}`;
      const mesh_id = await meshedBeam(server, size, key);
      const run_id = await submitted(server, { mesh_id, solver: 'builtin', load: 100, idempotency_key: key });
      expect(await ended(server, run_id)).toEqual({ status: 'done', message: 'builtin 1.0.0 solved it.' });
      const { result_id } = await server.get('solve.fetch', { run_id });
      const post = await server.call('post.extract', { result_id, qoi: ['mass', 'deflection', 'reaction'] });
      expect(JSON.parse(post.text)).toEqual(post.data);
      expect(post.data['mass']).toBeCloseTo(7850 * size.L * size.b * size.h * 1e-9, 9);
      expect(Math.abs((post.data['deflection'] as number) / timoshenko(size, 100, 210_000) - 1)).toBeLessThan(1e-3);
      expect(post.data['reaction']).toBeCloseTo(100, 5);
      expect(await server.get('post.extract', { result_id, qoi: ['mass'] })).toEqual({ mass: post.data['mass'] });
    }
  });

  test('take another material', async () => {
    const server = await startBeam(temporaryFolder());
    const size = { b: 10, h: 20, L: 200 };
    const mesh_id = await meshedBeam(server, size, 'k');
    const aluminium = { load: 50, E_MPa: 70_000, density_kg_m3: 2700 };
    const run_id = await submitted(server, { mesh_id, ...aluminium, idempotency_key: 'k' });
    await ended(server, run_id);
    const { result_id } = await server.get('solve.fetch', { run_id });
    const { mass, deflection } = await server.get('post.extract', { result_id, qoi: ['mass', 'deflection'] });
    expect(mass).toBeCloseTo(0.108, 9);
    expect(Math.abs((deflection as number) / timoshenko(size, 50, 70_000) - 1)).toBeLessThan(1e-3);
  });

  test('print nothing but the protocol on stdout, and end when their client has gone', async () => {
    const env = { ...process.env, BEAM_STATE: temporaryFolder(), BEAM_SOLVER: 'builtin' };
    const server = spawn(process.execPath, [join(BEAM, 'server.js')], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    const send = (message: object) => server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    const clientInfo = { name: 'raw', version: '1' };
    send({ id: 0, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } });
    send({ method: 'notifications/initialized' });
    send({ id: 1, method: 'tools/call', params: { name: 'cad.modify', arguments: CAD } });
    let printed = '';
    for await (const chunk of server.stdout) {
      printed += String(chunk);
      const lines = printed.split('\n').slice(0, -1);
      if (lines.length === 2) {
        const { result } = JSON.parse(lines[1]!) as { result: { structuredContent: { cad_rev_id: string } } };
        const { cad_rev_id } = result.structuredContent;
        const mesh = { name: 'mesh.generate', arguments: { cad_rev_id, size: 2, idempotency_key: 'k' } };
        send({ id: 2, method: 'tools/call', params: mesh });
        server.stdin.end();
      }
    }
    const messages = printed
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: number; result: object });
    expect(messages.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(messages[2]!.result).toMatchObject({ structuredContent: { elements: 200 } });
  });
});

describe('the geometry', () => {
  test('is a STEP file, and the mesh is what that file says', async () => {
    const state = temporaryFolder();
    const server = await startBeam(state);
    const thin = await server.get('cad.modify', CAD);
    const params = { b: 10, h: 25, L: 200 };
    const thick = await server.get('cad.modify', { ...CAD, params, idempotency_key: 'k2' });
    expect(readFileSync(stepFile(state, thin['cad_rev_id']), 'utf8')).toMatch(
      /^ISO-10303-21;[\s\S]*MANIFOLD_SOLID_BREP/,
    );
    expect(thin['volume_mm3']).toBeCloseTo(40_000, 6);

    const mesh = (key: string) =>
      server.get('mesh.generate', { cad_rev_id: thin['cad_rev_id'], size: 2, idempotency_key: key });
    const before = await mesh('before');
    expect(before).toMatchObject({ nodes: 1521, elements: 200 });
    expect(before['volume_mm3']).toBeCloseTo(40_000, 6);
    copyFileSync(stepFile(state, thick['cad_rev_id']), stepFile(state, thin['cad_rev_id']));
    const after = await mesh('after');
    expect(after['volume_mm3']).toBeCloseTo(50_000, 6);
    expect(after['mesh_id']).not.toBe(before['mesh_id']);
    expect(await mesh('before')).toEqual(before);
  });

  test('that cannot be read, or is no box, is refused', async () => {
    const state = temporaryFolder();
    const server = await startBeam(state);
    const { cad_rev_id } = await server.get('cad.modify', CAD);
    const mesh = (key: string) => server.call('mesh.generate', { cad_rev_id, size: 2, idempotency_key: key });
    const file = stepFile(state, cad_rev_id);
    const step = readFileSync(file, 'utf8');

    // A corner moved: the faces stay flat and the bounding box grows, so the volumes do not agree.
    const corners = [...step.matchAll(/CARTESIAN_POINT\('',\(200\.,10\.,20\.\)\)/g)];
    expect(corners.length).toBeGreaterThan(0);
    writeFileSync(file, step.replaceAll("CARTESIAN_POINT('',(200.,10.,20.))", "CARTESIAN_POINT('',(230.,10.,20.))"));
    expect(await mesh('moved')).toMatchObject({ failed: true, text: expect.stringMatching(/not a box/) as string });
    truncateSync(file, 300);
    expect(await mesh('cut')).toMatchObject({
      failed: true,
      text: expect.stringMatching(/CAD kernel failed/) as string,
    });
    writeFileSync(file, step);
    expect((await mesh('whole')).data['elements']).toBe(200);
  });
});

test('the kernel is loaded at the first request, and anew after 200', async () => {
  interface Geometry {
    boxToStep(size: object): Promise<{ volume_mm3: number }>;
    releaseKernel(): void;
  }
  const { boxToStep, releaseKernel } = await beamModule<Geometry>('geometry.js');
  onTestFinished(releaseKernel);
  let kernels = 0;
  const count = () => {
    kernels += 1;
  };
  process.on('worker', count);
  onTestFinished(() => void process.off('worker', count));
  for (let made = 1; made <= 201; made += 1) {
    const { volume_mm3 } = await boxToStep({ L: 200, b: 10, h: made });
    expect(volume_mm3).toBeCloseTo(2000 * made, 5);
    expect(kernels).toBe(made <= 200 ? 1 : 2);
  }
});

describe('bad arguments', () => {
  const BAD: [string, Record<string, unknown>, RegExp][] = [
    ['cad.modify', { ...CAD, design_id: 'bridge' }, /design_id must be cantilever/],
    ['cad.modify', { ...CAD, params: { b: -1, h: 20, L: 200 } }, /params\.b must be width in mm, above 0/],
    ['cad.modify', { ...CAD, params: { b: 10, h: 0, L: 200 } }, /params\.h must be height in mm, above 0/],
    ['cad.modify', { ...CAD, params: { b: 10, h: 20, L: Number.NaN } }, /params\.L must be length in mm/],
    ['cad.modify', { ...CAD, params: { b: 10, h: 20, L: Number.POSITIVE_INFINITY } }, /params\.L must be length in mm/],
    ['cad.modify', { ...CAD, params: { b: 10, h: '20', L: 200 } }, /params\.h must be height in mm/],
    ['cad.modify', { ...CAD, params: { b: 10, h: 20, L: 200, t: 1 } }, /params has no argument t/],
    ['cad.modify', { ...CAD, idempotency_key: '' }, /idempotency_key must not be empty/],
    ['cad.modify', CANTILEVER, /idempotency_key must be a text/],
    [
      'mesh.generate',
      { cad_rev_id: 'cad_0123456789abcdef', size: 2, idempotency_key: 'k' },
      /no CAD revision cad_0123456789abcdef/,
    ],
    [
      'mesh.generate',
      { cad_rev_id: '../../etc', size: 2, idempotency_key: 'k' },
      /cad_rev_id must be an id such as cad_/,
    ],
    [
      'solve.submit',
      { mesh_id: 'mesh_0123456789abcdef', load: 1, idempotency_key: 'k' },
      /no mesh mesh_0123456789abcdef/,
    ],
    [
      'solve.submit',
      { mesh_id: 'mesh_0123456789abcdef', load: 1, nu: 0.5, idempotency_key: 'k' },
      /nu must be at most 0\.49/,
    ],
    ['solve.wait', { run_id: 'run_0123456789abcdef' }, /no run run_0123456789abcdef/],
    ['solve.fetch', { run_id: 'run_0123456789abcdef' }, /no run run_0123456789abcdef/],
    ['post.extract', { result_id: 'result_0123456789abcdef', qoi: ['mass'] }, /no result result_0123456789abcdef/],
    [
      'post.extract',
      { result_id: 'result_0123456789abcdef', qoi: ['stress'] },
      /qoi\.0 must be mass, deflection or reaction/,
    ],
    ['post.extract', { result_id: 'result_0123456789abcdef', qoi: [] }, /qoi must not be empty/],
  ];

  test('are refused, each with a sentence that names it', async () => {
    const server = await startBeam(temporaryFolder());
    for (const [name, args, reason] of BAD) {
      const answer = await server.call(name, args);
      expect(answer.failed).toBe(true);
      expect(answer.text).toMatch(reason);
    }
  });

  test('include a mesh that is too fine, and a tool that does not exist', async () => {
    const server = await startBeam(temporaryFolder());
    const { cad_rev_id } = await server.get('cad.modify', CAD);
    const answer = await server.call('mesh.generate', { cad_rev_id, size: 0.1, idempotency_key: 'k' });
    expect(answer).toMatchObject({ failed: true, text: expect.stringMatching(/raise size/) as string });
    await expect(server.call('cad.delete')).rejects.toThrow(/There is no tool cad\.delete/);
  });
});

describe('an idempotency key', () => {
  test('gives the same answer again and does the work once, also after a restart', async () => {
    const state = temporaryFolder();
    const first = await startBeam(state);
    const [cad, again] = await Promise.all([first.get('cad.modify', CAD), first.get('cad.modify', CAD)]);
    expect(again).toEqual(cad);
    const meshArgs = { cad_rev_id: cad['cad_rev_id'], size: 2, idempotency_key: 'k' };
    const mesh = await first.get('mesh.generate', meshArgs);
    const made = statSync(stepFile(state, cad['cad_rev_id'])).ino;
    process.kill(first.pid, 'SIGKILL');

    const second = await startBeam(state);
    expect(await second.get('cad.modify', CAD)).toEqual(cad);
    expect(await second.get('mesh.generate', meshArgs)).toEqual(mesh);
    expect(statSync(stepFile(state, cad['cad_rev_id'])).ino).toBe(made);
  });

  test('with other arguments is refused', async () => {
    const server = await startBeam(temporaryFolder());
    const mesh_id = await meshedBeam(server, CAD.params, 'k');
    const { cad_rev_id } = await server.get('cad.modify', CAD);
    await submitted(server, { mesh_id, load: 100, idempotency_key: 'k' });
    const other = [
      await server.call('cad.modify', { ...CAD, params: { b: 10, h: 21, L: 200 } }),
      await server.call('mesh.generate', { cad_rev_id, size: 3, idempotency_key: 'k' }),
      await server.call('solve.submit', { mesh_id, load: 101, idempotency_key: 'k' }),
    ];
    for (const answer of other) {
      expect(answer.failed).toBe(true);
      expect(answer.text).toMatch(/idempotency_key "k" was already used for \S+ with other arguments/);
    }
  });

  test('does not enter the ids of geometry and mesh, which come from inputs alone', async () => {
    const here = await startBeam(temporaryFolder());
    const there = await startBeam(temporaryFolder());
    const mesh_id = await meshedBeam(here, CAD.params, 'one');
    expect(mesh_id).toMatch(/^mesh_[0-9a-f]{16}$/);
    expect(await meshedBeam(here, CAD.params, 'two')).toBe(mesh_id);
    expect(await meshedBeam(there, CAD.params, 'three')).toBe(mesh_id);
  });
});

describe('version', () => {
  test('is the same each time', async () => {
    const server = await startBeam(temporaryFolder());
    const answer = await server.get('version');
    expect(answer).toMatchObject({ version: '1.0.0', solver: 'builtin', solver_version: '1.0.0' });
    expect(await (await startBeam(temporaryFolder())).get('version')).toEqual(answer);
  });

  test('says ccx where ccx is on PATH', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'ccx'), '#!/bin/sh\necho; echo "This is Version 2.99"; exit 201\n', { mode: 0o755 });
    const server = await startBeam(temporaryFolder(), { PATH: folder, BEAM_SOLVER: '' });
    expect(await server.get('version')).toMatchObject({ solver: 'ccx', solver_version: '2.99' });
  });

  test('says builtin where it is not, and ccx is then refused', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'ccx'), 'not a program', { mode: 0o644 });
    const server = await startBeam(temporaryFolder(), { PATH: folder, BEAM_SOLVER: 'auto' });
    expect(await server.get('version')).toMatchObject({ solver: 'builtin' });
    const mesh_id = await meshedBeam(server, CAD.params, 'k');
    const answer = await server.call('solve.submit', { mesh_id, solver: 'ccx', load: 100, idempotency_key: 'k' });
    expect(answer).toMatchObject({ failed: true, text: expect.stringMatching(/not on PATH/) as string });
  });

  test('refuses a BEAM_SOLVER that does not exist', async () => {
    const server = await startBeam(temporaryFolder(), { BEAM_SOLVER: 'abacus' });
    expect((await server.call('version')).text).toMatch(/BEAM_SOLVER must be auto, ccx or builtin, not abacus/);
  });
});
