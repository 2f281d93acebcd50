/*
 * How much longer `expctl --version` takes than a Node program that does nothing. Both are started in turn, so that what else the
 * machine does meets both alike; medians count. Usage: node bench/startup.mjs [PAIRS]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

const TARGET_MS = 60;
const WARM_UP = 5;
const pairs = Number(process.argv[2] ?? 60);
const expctl = fileURLToPath(new URL('../bin/expctl.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'expctl-bench-'));
const empty = join(folder, 'empty.mjs');
writeFileSync(empty, '');

const samples = { empty: [], version: [], help: [] };
const programs = { empty: [empty], version: [expctl, '--version'], help: [expctl, '--help'] };
for (let pair = -WARM_UP; pair < pairs; pair += 1) {
  for (const [name, argv] of Object.entries(programs)) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, argv, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`);
    if (pair >= 0) samples[name].push(performance.now() - start);
  }
}
rmSync(folder, { recursive: true, force: true });

/** The value below which a share of the samples lies. */
function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

const shown = (milliseconds) => `${milliseconds.toFixed(1).padStart(6)} ms`;
console.log(
  `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${pairs} rounds`,
);
for (const [name, values] of Object.entries(samples)) {
  const [low, median, high] = [0.1, 0.5, 0.9].map((share) => quantile(values, share));
  console.log(`${name.padEnd(8)} median ${shown(median)}   10 % to 90 %: ${shown(low)} to ${shown(high)}`);
}
const median = (name) => quantile(samples[name], 0.5);
const difference = median('version') - median('empty');
console.log(
  `\`--version\` takes ${difference.toFixed(1)} ms more than an empty program; the target is ${TARGET_MS} ms.`,
);
console.log(`\`--help\` takes ${(median('help') - median('empty')).toFixed(1)} ms more.`);
