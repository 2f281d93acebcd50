import { cpus, totalmem } from 'node:os';
import { type Figure, isReached, type Outcome, summaryOf, type Target } from './figures.ts';

export interface Measured extends Outcome {
  readonly benchmark: string;
}

/** What kind of machine it is; no name of it. */
export function machineClass(): Record<string, string | number> {
  const processors = cpus();
  return {
    processors: processors.length,
    model: processors[0]?.model.trim() ?? 'unknown',
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
  };
}

export function machineLine(): string {
  const { processors, model, memory_gib, platform, node } = machineClass();
  return `${processors} × ${model}, ${memory_gib} GiB, ${platform}, Node ${node}`;
}

/** A table for the terminal: a row for each figure. */
export function tableOf({ benchmark, figures, notes }: Measured): string {
  const header = [benchmark, 'median', 'min', 'max', 'rounds', 'target', ''];
  const rows = [header, ...figures.map(rowOf)];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
  );
  return [...lines.map((line) => line.trimEnd()), ...notes.map((note) => `  ${note}`)].join('\n');
}

function rowOf(figure: Figure): string[] {
  const { median, min, max, rounds } = summaryOf(figure.values);
  const reached = isReached(figure);
  return [
    figure.name,
    `${shown(median)} ${figure.unit}`,
    shown(min),
    shown(max),
    String(rounds),
    figure.target === undefined ? '' : shownTarget(figure.target),
    reached === null ? '' : reached ? 'reached' : 'MISSED',
  ];
}

function shownTarget(target: Target): string {
  return 'at_least' in target ? `≥ ${shown(target.at_least)}` : `≤ ${shown(target.at_most)}`;
}

/** Three digits that matter, and never fewer than stand before the point. */
function shown(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function documentOf(measured: readonly Measured[], options: { rounds: number; seconds: number }): string {
  const benchmarks = measured.map(({ benchmark, figures, notes }) => ({
    benchmark,
    notes,
    figures: figures.map((figure) => ({
      name: figure.name,
      unit: figure.unit,
      ...summaryOf(figure.values),
      ...figure.target,
      reached: isReached(figure),
      values: figure.values,
    })),
  }));
  return `${JSON.stringify({ machine: machineClass(), ...options, benchmarks }, null, 2)}\n`;
}
