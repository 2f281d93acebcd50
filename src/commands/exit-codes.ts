import { ERROR_CODES } from '../base/error.ts';

const MEANINGS: Readonly<Record<string, string>> = {
  0: 'done',
  1: 'internal failure; with `diff --exit-code`: something differs',
  2: 'usage, or an invalid plan',
  3: 'not approved',
  4: 'the run failed or was cancelled, or a budget was hit',
  5: 'waits for a person',
  6: 'evidence does not hold',
  7: 'environment: a tool, the store, an engine, a model',
  130: 'interrupted (143: terminated); `expctl resume` goes on',
};

export interface ExitCode {
  readonly status: number;
  readonly means: string;
  /** The error codes that end with it. */
  readonly codes: readonly { readonly code: string; readonly means: string }[];
}

/** The one table of exit statuses, for help and docs. */
export const EXIT_CODES: readonly ExitCode[] = Object.entries(MEANINGS).map(([status, means]) => ({
  status: Number(status),
  means,
  codes: Object.entries(ERROR_CODES)
    .filter(([, { exit }]) => exit === Number(status))
    .map(([code, { means: meaning }]) => ({ code, means: meaning })),
}));

/** The table as every help of the program ends with it. */
export function exitCodesSummary(): string {
  const lines = EXIT_CODES.map(({ status, means }) => `  ${String(status).padEnd(4)} ${means}`);
  return `Exit status (more: expctl help exit-codes):\n${lines.join('\n')}`;
}

/** The table with the error codes behind each status: what `expctl help exit-codes` prints. */
export function exitCodesPage(): string {
  const width = Math.max(...Object.keys(ERROR_CODES).map((code) => code.length));
  const lines = EXIT_CODES.flatMap(({ status, means, codes }) => [
    `${String(status).padEnd(4)} ${means}`,
    ...codes.map(({ code, means: meaning }) => `       ${code.padEnd(width)}  ${meaning}`),
  ]);
  return `Exit status, and the error codes that end with it (field \`error.code\` under --json):\n\n${lines.join('\n')}`;
}
