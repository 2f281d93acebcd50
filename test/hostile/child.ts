import { readSource } from '../../src/plan/source.ts';
import { HOSTILE } from './cases.ts';

/**
 * Reads each case three times and prints one line of JSON for each: its name, the codes of the problems, and the
 * longest processor time of one reading. `yaml` aborts the process, if it does, at the second or third deep document.
 */
const [first = '0', last = String(HOSTILE.length)] = process.argv.slice(2);
for (const { name, text } of HOSTILE.slice(Number(first), Number(last))) {
  const given = text();
  const bytes = typeof given === 'string' ? new TextEncoder().encode(given) : given;
  let codes: string[] = [];
  let count = 0;
  let longest_s = 0;
  for (let time = 0; time < 3; time++) {
    const before = process.cpuUsage();
    const source = readSource('hostile.yaml', bytes);
    const { user, system } = process.cpuUsage(before);
    longest_s = Math.max(longest_s, (user + system) / 1e6);
    codes = source.ok ? [] : [...new Set(source.error.map((problem) => problem.code))];
    count = source.ok ? 0 : source.error.length;
  }
  console.log(JSON.stringify({ name, codes, count, longest_s }));
}
