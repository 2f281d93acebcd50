// CalculiX: finds it, writes its deck, runs it, reads what it printed, believes none of it unseen.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { clampedNodes, tipShares } from './mesh.js';

const TIME_LIMIT_MS = 600_000;

/** The file that `ccx` means on PATH, or undefined. */
export function findCcx(path = process.env.PATH ?? '') {
  const isProgram = (file) => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  };
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'ccx'))
    .find(isProgram);
}

/** `ccx -v` prints "This is Version 2.20" and exits 201. */
export function ccxVersion(program) {
  const { stdout } = spawnSync(program, ['-v'], { encoding: 'utf8', timeout: 10_000 });
  return /Version\s+(\S+)/.exec(stdout ?? '')?.[1];
}

/** A field of a deck holds at most 20 characters. */
function field(value) {
  return String(Number(value.toPrecision(13)));
}

/** Numbers in lines of at most 16 fields, as CalculiX reads them. */
function lines(values) {
  const rows = [];
  for (let start = 0; start < values.length; start += 12) rows.push(values.slice(start, start + 12).join(', '));
  return rows.join(',\n');
}

/**
 * The input deck (CalculiX manual, chapter 7; mm, N, MPa): clamped at the lowest x, and on the tip face an even traction
 * downwards as consistent nodal loads. Prints displacements of the tip and the total reaction.
 */
export function beamDeck(mesh, { load, E_MPa, nu }) {
  const shares = tipShares(mesh);
  const names = (list) => list.map((node) => node + 1);
  return [
    '*NODE, NSET=ALL',
    ...mesh.nodes.map((position, node) => [node + 1, ...position.map(field)].join(', ')),
    '*ELEMENT, TYPE=C3D20R, ELSET=BEAM',
    ...mesh.elements.map((element, index) => lines([index + 1, ...names(element)])),
    '*NSET, NSET=WALL',
    lines(names(clampedNodes(mesh))),
    '*NSET, NSET=TIP',
    lines(names(shares.map(([node]) => node))),
    '*MATERIAL, NAME=LINEAR',
    '*ELASTIC',
    `${field(E_MPa)}, ${field(nu)}`,
    '*SOLID SECTION, ELSET=BEAM, MATERIAL=LINEAR',
    '*BOUNDARY',
    'WALL, 1, 3, 0.',
    '*STEP',
    '*STATIC',
    '*CLOAD',
    ...shares.map(([node, share]) => `${node + 1}, 3, ${field(-load * share)}`),
    '*NODE PRINT, NSET=TIP',
    'U',
    '*NODE PRINT, NSET=WALL, TOTALS=ONLY',
    'RF',
    '*END STEP',
    '',
  ].join('\n');
}

/** Rows of numbers under the headline of beam.dat that begins with `headline`. */
function rowsUnder(dat, headline) {
  const all = dat.split('\n');
  const start = all.findIndex((line) => line.trim().startsWith(headline));
  if (start < 0) throw new Error(`CalculiX printed no "${headline}" into beam.dat.`);
  const rest = all.slice(start + 1).map((line) => line.trim());
  const begin = rest.findIndex((line) => line !== '');
  const end = rest.findIndex((line, index) => index > begin && line === '');
  return rest.slice(begin, end < 0 ? undefined : end).map((line) => line.split(/\s+/).map(Number));
}

/** Mean deflection of the tip face (mm, downwards) and reaction of the wall (N, upwards) from the text of beam.dat. */
export function parseDat(dat, mesh) {
  const vertical = new Map(
    rowsUnder(dat, 'displacements (vx,vy,vz) for set TIP').map(([node, , , z]) => [node - 1, z]),
  );
  const mean = tipShares(mesh).reduce((sum, [node, share]) => sum + share * (vertical.get(node) ?? Number.NaN), 0);
  const [total = []] = rowsUnder(dat, 'total force (fx,fy,fz) for set WALL');
  return { deflection_mm: -mean, reaction_N: total[2] ?? Number.NaN };
}

/**
 * Runs `ccx` on a deck in a folder.
 *
 * @param deck text of beam.inp, or undefined to use what is in the folder
 * @returns the text of beam.dat
 * @throws Error that says what went wrong: the exit code alone does not
 */
export function runCcx(program, folder, deck) {
  if (deck !== undefined) writeFileSync(join(folder, 'beam.inp'), deck);
  const { status, signal, error, stdout, stderr } = spawnSync(program, ['beam'], {
    cwd: folder,
    env: { ...process.env, OMP_NUM_THREADS: '1' }, // one job is one core
    encoding: 'utf8',
    timeout: TIME_LIMIT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error) throw new Error(`CalculiX did not run: ${error.message}`);
  writeFileSync(join(folder, 'ccx.log'), `${stdout}${stderr}`);
  const complaint = /^.*\*ERROR.*$/m.exec(`${stdout}\n${stderr}`)?.[0].trim();
  if (complaint !== undefined) throw new Error(`CalculiX says: ${complaint}`);
  if (status !== 0) throw new Error(`CalculiX ended with ${signal ?? `exit code ${status}`}.`);
  const dat = join(folder, 'beam.dat');
  if (!existsSync(dat)) throw new Error('CalculiX exited 0 but wrote no beam.dat.');
  return readFileSync(dat, 'utf8');
}

/** Bends the cantilever with CalculiX; see `solveBuiltin` for what is meant. */
export function solveCcx(program, folder, mesh, physics) {
  return parseDat(runCcx(program, folder, beamDeck(mesh, physics)), mesh);
}
