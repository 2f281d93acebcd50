import { createInterface } from 'node:readline';
import { writeSync } from 'node:fs';

/** The other end of `Contestant`: answers requests, one after another, until standard input ends. */
export async function serve<Request>(answer: (request: Request) => Promise<object>): Promise<void> {
  writeSync(3, '{"ready":true}\n');
  for await (const line of createInterface({ input: process.stdin })) {
    writeSync(3, `${JSON.stringify(await answer(JSON.parse(line) as Request))}\n`);
  }
}
