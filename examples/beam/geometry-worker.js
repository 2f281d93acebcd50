// The CAD kernel: OpenCascade, compiled to WebAssembly, behind replicad. Runs in a worker thread, for three reasons:
// OpenCascade prints banners to stdout, which here belongs to the protocol; its memory only grows; loading it takes 0.3 s.
import { parentPort } from 'node:worker_threads';

const kernel = loadKernel();
/** What OpenCascade printed during this request; the end of it explains a failure. */
let printed = [];

async function loadKernel() {
  const [replicad, { default: load }] = await Promise.all([import('replicad'), import('replicad-opencascadejs')]);
  const keep = (line) => printed.push(line);
  replicad.setOC(await load({ print: keep, printErr: keep }));
  return replicad;
}

/** A box of L x b x h mm along x, y, z with one corner at the origin, as the text of a STEP file. */
async function writeBox({ L, b, h }) {
  const { makeBox, measureVolume } = await kernel;
  const box = makeBox([0, 0, 0], [L, b, h]);
  try {
    return { step: await box.blobSTEP().text(), volume_mm3: measureVolume(box) };
  } finally {
    box.delete();
  }
}

/** Bounding box (mm), volume (mm^3) and faces of the shape in a STEP file. */
async function measure({ step }) {
  const { importSTEP, measureVolume } = await kernel;
  const shape = await importSTEP(new Blob([step]));
  try {
    const bounds = shape.boundingBox;
    const [low, high] = bounds.bounds;
    bounds.delete();
    const faces = shape.faces;
    const flat = faces.filter((face) => face.geomType === 'PLANE').length;
    for (const face of faces) face.delete();
    return { low, high, volume_mm3: measureVolume(shape), faces: faces.length, flat };
  } finally {
    shape.delete();
  }
}

const REQUESTS = { writeBox, measure };

parentPort.on('message', async ({ request, input }) => {
  printed = [];
  try {
    parentPort.postMessage({ output: await REQUESTS[request](input) });
  } catch (error) {
    // OpenCascade throws numbers and strings too.
    const said = printed.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('*'));
    parentPort.postMessage({ failure: [error?.message ?? String(error), ...said.slice(-3)].join('; ') });
  }
});
