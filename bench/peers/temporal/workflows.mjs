import { proxyActivities } from '@temporalio/workflow';

const { noop } = proxyActivities({ startToCloseTimeout: '1 minute' });

/** A workflow of so many steps, one after another. */
export async function workflow(x, steps) {
  for (let step = 0; step < steps; step += 1) await noop(x);
  return x;
}
