// One solver job: node job.js STATE_FOLDER RUN_ID. Started detached by the server; see jobs.js for the files.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { whatIsWrong } from './answer.js';
import { solveBuiltin } from './builtin.js';
import { solveCcx } from './calculix.js';
import { jobFolder } from './jobs.js';
import { stampOf } from './process-stamp.js';
import { createFile, readJson, replaceFile, toJson } from './state.js';

const [root, run_id] = process.argv.slice(2);
const folder = jobFolder(root, run_id);
const claim = readJson(`${folder}/claim.json`);

// The other copy works, or has worked.
if (!createFile(`${folder}/started.json`, toJson(stampOf(process.pid)))) process.exit(0);
appendFileSync(`${root}/solver.log`, `${JSON.stringify({ run_id, key: claim.key, pid: process.pid })}\n`);
await delay(Number(process.env.BEAM_SOLVE_DELAY_MS ?? 0)); // for tests

let exit;
try {
  const result = solve();
  replaceFile(`${root}/results/${claim.result_id}.json`, toJson(result));
  exit = { status: 'done', message: `${claim.solver.name} ${claim.solver.version} solved it.` };
} catch (error) {
  exit = { status: 'failed', message: error.message };
}
replaceFile(`${folder}/exit.json`, toJson(exit));

function solve() {
  const { mesh_id, load, E_MPa, density_kg_m3, nu } = claim.inputs;
  const mesh = readJson(`${root}/meshes/${mesh_id}.json`);
  const physics = { load, E_MPa, nu };
  const { name, program } = claim.solver;
  const answer = name === 'ccx' ? solveCcx(program, folder, mesh, physics) : solveBuiltin(mesh, physics);
  const wrong = whatIsWrong(answer, load, mesh.box[0]);
  if (wrong !== undefined) throw new Error(`The answer of ${name} is refused: ${wrong}.`);
  const mass_kg = density_kg_m3 * mesh.geometry_volume_mm3 * 1e-9;
  return { result_id: claim.result_id, run_id, solver: claim.solver, mass_kg, ...answer };
}
