// What each tool takes, gives and does. Units are in the names or the descriptions; unknown arguments are refused.
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import * as z from 'zod';
import { BUILTIN_VERSION } from './builtin.js';
import { ccxVersion, findCcx } from './calculix.js';
import { elementVolume } from './element.js';
import { boxToStep, measureStep } from './geometry.js';
import { claimJob, ensureStarted, jobStatus, resultOf } from './jobs.js';
import { countElements, meshBox } from './mesh.js';
import { bindKey, createFile, idOf, oncePerKey, readJson, stateFolder, ToolError, toJson } from './state.js';

export const VERSION = '1.0.0';

const SAME_VOLUME = 1e-6;

function quantity(what, max) {
  const error = `must be ${what}, above 0 and at most ${max}`;
  return z.number({ error }).positive({ error }).max(max, { error }).describe(what);
}

/** An object that refuses other arguments, by name. */
function fields(shape) {
  const error = ({ code, keys }) => (code === 'unrecognized_keys' ? `has no argument ${keys.join(', ')}` : undefined);
  return z.strictObject(shape, { error });
}

function id(kind) {
  const error = `must be an id such as ${kind}_0123456789abcdef`;
  return z.string({ error }).regex(new RegExp(`^${kind}_[0-9a-f]{16}$`), { error });
}

const idempotency_key = z
  .string({ error: 'must be a text of 1 to 200 characters' })
  .min(1, { error: 'must not be empty' })
  .max(200, { error: 'must have at most 200 characters' })
  .describe('Same key and arguments: same answer, and the work is done once.');

const DIMENSIONS = fields({
  b: quantity('width in mm', 1e4),
  h: quantity('height in mm', 1e4),
  L: quantity('length in mm', 1e5),
});

const QUANTITIES = z.enum(['mass', 'deflection', 'reaction'], { error: 'must be mass, deflection or reaction' });

const cadModify = {
  description: 'Sets the dimensions of a design with the CAD kernel OpenCascade; the STEP file is kept.',
  input: fields({
    design_id: z.literal('cantilever', { error: 'must be cantilever, the only design here' }),
    params: DIMENSIONS,
    idempotency_key,
  }),
  output: z.strictObject({ cad_rev_id: z.string(), volume_mm3: z.number() }),
  async run({ idempotency_key: key, ...inputs }) {
    const root = stateFolder();
    return oncePerKey(root, 'cad.modify', key, inputs, async () => {
      const cad_rev_id = idOf('cad', inputs);
      const record = `${root}/cad/${cad_rev_id}.json`;
      if (readJson(record) === undefined) {
        const { step, volume_mm3 } = await boxToStep(inputs.params);
        createFile(`${root}/cad/${cad_rev_id}.step`, step);
        createFile(record, toJson({ cad_rev_id, ...inputs, volume_mm3 }));
      }
      return { cad_rev_id, volume_mm3: readJson(record).volume_mm3 };
    });
  },
  files: (_, { cad_rev_id }) => [`${stateFolder()}/cad/${cad_rev_id}.step`],
};

const meshGenerate = {
  description: 'Meshes the STEP file of a CAD revision with 20-node hexahedra.',
  input: fields({
    cad_rev_id: id('cad'),
    size: quantity('distance of neighbouring nodes along the beam in mm', 1e5),
    idempotency_key,
  }),
  output: z.strictObject({ mesh_id: z.string(), nodes: z.int(), elements: z.int(), volume_mm3: z.number() }),
  async run({ idempotency_key: key, ...inputs }) {
    const root = stateFolder();
    if (readJson(`${root}/cad/${inputs.cad_rev_id}.json`) === undefined) {
      throw new ToolError(`There is no CAD revision ${inputs.cad_rev_id}.`);
    }
    return oncePerKey(root, 'mesh.generate', key, inputs, async () => {
      const { low, box, volume_mm3: geometry_volume_mm3 } = await measureBox(root, inputs.cad_rev_id);
      const counts = countElements(box, inputs.size);
      const mesh = meshBox(low, box, counts);
      const volume_mm3 = mesh.elements
        .map((element) => elementVolume(element.map((node) => mesh.nodes[node])))
        .reduce((sum, volume) => sum + volume, 0);
      if (Math.abs(volume_mm3 - geometry_volume_mm3) > SAME_VOLUME * geometry_volume_mm3) {
        throw new ToolError(
          `The mesh holds ${volume_mm3} mm^3, but the geometry ${geometry_volume_mm3} mm^3: not a box.`,
        );
      }
      const mesh_id = idOf('mesh', { ...inputs, low, box, counts }); // what was read, for a STEP file holds the time
      createFile(
        `${root}/meshes/${mesh_id}.json`,
        `${JSON.stringify({ mesh_id, ...inputs, box, counts, geometry_volume_mm3, ...mesh })}\n`,
      );
      return { mesh_id, nodes: mesh.nodes.length, elements: mesh.elements.length, volume_mm3 };
    });
  },
};

/** The box in a revision's STEP file as it is on disk now; lengths to a picometre, for the kernel's last bits mean nothing. */
async function measureBox(root, cad_rev_id) {
  const { low, high, volume_mm3, faces, flat } = await measureStep(readStep(root, cad_rev_id));
  if (faces !== 6 || flat !== 6)
    throw new ToolError(`${cad_rev_id} has ${faces} faces, ${flat} of them flat: not a box.`);
  const round = (length) => Number(length.toFixed(9));
  return { low: low.map(round), box: low.map((start, axis) => round(high[axis] - start)), volume_mm3 };
}

function readStep(root, cad_rev_id) {
  try {
    return readFileSync(`${root}/cad/${cad_rev_id}.step`, 'utf8');
  } catch {
    throw new ToolError(`The STEP file of ${cad_rev_id} cannot be read.`);
  }
}

/** The solver that `auto` means: ccx if it is on PATH, unless BEAM_SOLVER says otherwise. */
function solverNamed(asked) {
  const name = asked === 'auto' ? process.env.BEAM_SOLVER || 'auto' : asked;
  if (!['auto', 'ccx', 'builtin'].includes(name))
    throw new ToolError(`BEAM_SOLVER must be auto, ccx or builtin, not ${name}.`);
  const program = name === 'builtin' ? undefined : findCcx();
  if (program !== undefined) return { name: 'ccx', version: ccxVersionOf(program), program };
  if (name === 'ccx') throw new ToolError('CalculiX (ccx) is not on PATH: install it, or ask for the solver builtin.');
  return { name: 'builtin', version: BUILTIN_VERSION };
}

const versions = new Map();

function ccxVersionOf(program) {
  if (!versions.has(program)) versions.set(program, ccxVersion(program) ?? 'unknown');
  return versions.get(program);
}

const solveSubmit = {
  description: 'Starts a solver job: the cantilever under a load at its tip. Each key is one job.',
  input: fields({
    mesh_id: id('mesh'),
    solver: z.enum(['auto', 'ccx', 'builtin'], { error: 'must be auto, ccx or builtin' }).default('auto'),
    load: quantity('load downwards, spread evenly over the tip face, in N', 1e9),
    E_MPa: quantity("Young's modulus in MPa", 1e7).default(210_000),
    density_kg_m3: quantity('density in kg/m^3', 1e5).default(7850),
    nu: z
      .number({ error: 'must be a number' })
      .min(0, { error: 'must not be negative' })
      .max(0.49, { error: 'must be at most 0.49' })
      .default(0)
      .describe("Poisson's ratio"),
    idempotency_key,
  }),
  output: z.strictObject({ run_id: z.string() }),
  async run({ idempotency_key: key, ...inputs }) {
    const root = stateFolder();
    if (readJson(`${root}/meshes/${inputs.mesh_id}.json`) === undefined)
      throw new ToolError(`There is no mesh ${inputs.mesh_id}.`);
    bindKey(root, 'solve.submit', key, inputs);
    const run_id = claimJob(root, key, inputs, () => solverNamed(inputs.solver));
    ensureStarted(root, run_id);
    return { run_id };
  },
};

const solveWait = {
  description: 'Says at once how a job is; ask again while it is running.',
  input: fields({ run_id: id('run') }),
  output: z.strictObject({ status: z.enum(['running', 'done', 'failed']), message: z.string() }),
  run: async ({ run_id }) => jobStatus(stateFolder(), run_id),
};

const solveFetch = {
  description: 'Names the result of a job that is done.',
  input: fields({ run_id: id('run') }),
  output: z.strictObject({ result_id: z.string() }),
  run: async ({ run_id }) => ({ result_id: resultOf(stateFolder(), run_id) }),
  /** What CalculiX read and wrote, where it was the solver; the result in any case. */
  files: ({ run_id }, { result_id }) => [
    `${stateFolder()}/results/${result_id}.json`,
    ...['beam.inp', 'beam.dat', 'ccx.log'].map((name) => `${stateFolder()}/runs/${run_id}/${name}`).filter(existsSync),
  ],
};

const postExtract = {
  description: 'Reads quantities of interest from a result.',
  input: fields({
    result_id: id('result'),
    qoi: z
      .array(QUANTITIES, { error: 'must be a list of mass, deflection, reaction' })
      .min(1, { error: 'must not be empty' }),
  }),
  output: z.strictObject({
    mass: z.number().describe('kg').optional(),
    deflection: z.number().describe('mean of the tip face downwards, mm').optional(),
    reaction: z.number().describe('what the wall carries upwards, N').optional(),
  }),
  async run({ result_id, qoi }) {
    const result = readJson(`${stateFolder()}/results/${result_id}.json`);
    if (result === undefined) throw new ToolError(`There is no result ${result_id}.`);
    const all = { mass: result.mass_kg, deflection: result.deflection_mm, reaction: result.reaction_N };
    return Object.fromEntries(qoi.map((name) => [name, all[name]]));
  },
};

const version = {
  description: 'Versions of this server and of the solver that `auto` means, and the machine.',
  input: fields({}),
  output: z.strictObject({ version: z.string(), solver: z.string(), solver_version: z.string(), host: z.string() }),
  async run() {
    const solver = solverNamed('auto');
    return { version: VERSION, solver: solver.name, solver_version: solver.version, host: hostname() };
  },
};

/** Tools by name, in the order in which a point uses them. */
export const TOOLS = {
  'cad.modify': cadModify,
  'mesh.generate': meshGenerate,
  'solve.submit': solveSubmit,
  'solve.wait': solveWait,
  'solve.fetch': solveFetch,
  'post.extract': postExtract,
  version,
};
