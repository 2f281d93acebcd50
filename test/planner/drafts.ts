import type { JsonObject } from '../../src/base/json.ts';

/** A good draft over the pinned beam tools, as a model would hand it in; a fresh copy each time. */
export function beamDraft(changes: JsonObject = {}): JsonObject {
  return { ...structuredClone(BEAM), ...changes };
}

const BEAM: JsonObject = {
  name: 'tip',
  assumptions: ['The load acts at the tip.'],
  constants: [
    { name: 'load', value: '100 N' },
    { name: 'length', value: '200 mm' },
  ],
  variables: [
    { name: 'width', type: 'real', unit: 'mm', min: 5, max: 20 },
    { name: 'height', type: 'real', unit: 'mm', min: 8, max: 30 },
  ],
  constraints: ['length / height >= 6'],
  pipeline: [
    {
      name: 'cad',
      call: 'beam/cad.modify',
      with: [
        { name: 'design_id', value: 'cantilever' },
        { name: 'params', value: { b: '=width', h: '=height', L: '=length' } },
      ],
    },
    {
      name: 'mesh',
      call: 'beam/mesh.generate',
      with: [
        { name: 'cad_rev_id', value: '=cad.cad_rev_id' },
        { name: 'size', value: 10 },
      ],
    },
    {
      name: 'solve',
      job: {
        submit: {
          call: 'beam/solve.submit',
          with: [
            { name: 'mesh_id', value: '=mesh.mesh_id' },
            { name: 'load', value: '=load' },
          ],
        },
        poll: {
          call: 'beam/solve.wait',
          with: [{ name: 'run_id', value: '=submit.run_id' }],
          every: '2s',
          until: "status in ['done', 'failed']",
          expect: ["status == 'done'"],
          timeout: '10m',
        },
        fetch: { call: 'beam/solve.fetch', with: [{ name: 'run_id', value: '=submit.run_id' }] },
      },
      uses: [{ name: 'cores', value: 1 }],
    },
    {
      name: 'post',
      call: 'beam/post.extract',
      with: [
        { name: 'result_id', value: '=solve.result_id' },
        { name: 'qoi', value: ['mass', 'deflection'] },
      ],
    },
  ],
  metrics: [
    { name: 'mass', value: '=post.mass', unit: 'kg', plausible: [0.01, 5] },
    { name: 'deflection', value: '=post.deflection', unit: 'mm' },
  ],
  objectives: [{ minimize: 'mass' }],
  outcome_constraints: ['deflection <= 0.2'],
  study: [{ phase: 'explore', design: { latin_hypercube: { points: 8 } } }],
  pools: [{ name: 'cores', value: 2 }],
  budget: { points: 8, wall_time: '2h' },
};
