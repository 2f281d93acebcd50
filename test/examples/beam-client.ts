import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { onTestFinished } from 'vitest';

export const BEAM = fileURLToPath(new URL('../../examples/beam/', import.meta.url));

/** The plain JavaScript of the example, under the types that a test needs. */
export async function beamModule<Module>(name: string): Promise<Module> {
  return (await import(/* @vite-ignore */ new URL(`../../examples/beam/${name}`, import.meta.url).href)) as Module;
}

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'beam-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export interface Answer {
  readonly failed: boolean;
  readonly text: string;
  readonly data: Record<string, unknown>;
}

export interface BeamServer {
  readonly client: Client;
  readonly pid: number;
  call(name: string, args?: Record<string, unknown>): Promise<Answer>;
  /** The answer of a call that must succeed. */
  get(name: string, args?: Record<string, unknown>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** Starts the server on a state folder, with the real client; BEAM_SOLVER is builtin unless `env` says otherwise. */
export async function startBeam(state: string, env: Record<string, string> = {}): Promise<BeamServer> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(BEAM, 'server.js')],
    env: { ...inherited, BEAM_SOLVER: 'builtin', ...env, BEAM_STATE: state },
    stderr: 'ignore',
  });
  await client.connect(transport);
  onTestFinished(() => client.close());
  const call = async (name: string, args: Record<string, unknown> = {}): Promise<Answer> => {
    const answer = await client.callTool({ name, arguments: args });
    const [first] = answer.content as { type: string; text: string }[];
    return {
      failed: answer.isError === true,
      text: first?.text ?? '',
      data: (answer.structuredContent ?? {}) as Record<string, unknown>,
    };
  };
  return {
    client,
    pid: transport.pid!,
    call,
    get: async (name, args) => {
      const { failed, text, data } = await call(name, args);
      if (failed) throw new Error(text);
      return data;
    },
    close: () => client.close(),
  };
}

export interface Size {
  readonly b: number;
  readonly h: number;
  readonly L: number;
}

/** Geometry and mesh of a beam; `key` for both. */
export async function meshedBeam(server: BeamServer, params: Size, key: string): Promise<string> {
  const cad = await server.get('cad.modify', { design_id: 'cantilever', params, idempotency_key: key });
  const mesh = await server.get('mesh.generate', { cad_rev_id: cad['cad_rev_id'], size: 2, idempotency_key: key });
  return mesh['mesh_id'] as string;
}

export async function submitted(server: BeamServer, args: Record<string, unknown>): Promise<string> {
  return (await server.get('solve.submit', args))['run_id'] as string;
}

/** Polls until the job is no longer running. */
export async function ended(server: BeamServer, run_id: string): Promise<Record<string, unknown>> {
  for (;;) {
    const answer = await server.get('solve.wait', { run_id });
    if (answer['status'] !== 'running') return answer;
  }
}

/** Polls until the job itself, not only its claim, is there; returns its process. */
export async function working(server: BeamServer, state: string, run_id: string): Promise<number> {
  for (;;) {
    const job = jobsStarted(state).find((line) => line.run_id === run_id);
    if (job !== undefined) return job.pid;
    await server.get('solve.wait', { run_id });
  }
}

/** Every job that ever started to solve. */
export function jobsStarted(state: string): { run_id: string; key: string; pid: number }[] {
  try {
    const lines = readFileSync(join(state, 'solver.log'), 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as { run_id: string; key: string; pid: number });
  } catch {
    return [];
  }
}

/** Tip deflection in mm (Timoshenko; shear coefficient of Cowper 1966, J. Appl. Mech. 33, 335-340). */
export function timoshenko({ b, h, L }: Size, load: number, E: number, nu = 0): number {
  const area = b * h;
  const inertia = (b * h ** 3) / 12;
  const shear = E / (2 * (1 + nu));
  const coefficient = (10 * (1 + nu)) / (12 + 11 * nu);
  return (load * L ** 3) / (3 * E * inertia) + (load * L) / (coefficient * shear * area);
}

/** The corners of the plan's variables, mm. */
export const CORNERS: readonly Size[] = [5, 20].flatMap((b) => [8, 30].map((h) => ({ b, h, L: 200 })));
