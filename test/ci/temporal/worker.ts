import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from './activities.ts';
import { TASK_QUEUE } from './protocol.ts';

/** A worker of its own process, to be killed: `worker.ts ADDRESS BUNDLE STORE`. SIGTERM drains it. */
const [address = '', bundle = '', store = ''] = process.argv.slice(2);
Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: ['SIGTERM'] });
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue: TASK_QUEUE,
  workflowBundle: { codePath: bundle },
  activities: createActivities(store),
  stickyQueueScheduleToStartTimeout: '1s',
  shutdownGraceTime: '0s',
  // A heartbeat is not held back for longer than the shortest time-out allows.
  maxHeartbeatThrottleInterval: '500ms',
  defaultHeartbeatThrottleInterval: '500ms',
});
process.stdin.resume().once('end', () => process.exit(1)); // whoever has started it is gone
const running = worker.run();
process.stdout.write('ready\n');
await running;
await connection.close();
process.exit(0);
