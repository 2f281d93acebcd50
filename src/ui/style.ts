import { Chalk, type ChalkInstance } from 'chalk';

/** Colours by meaning. Meaning never rests on colour alone: there is a symbol or a word beside it. */
export interface Style {
  readonly good: ChalkInstance;
  readonly bad: ChalkInstance;
  readonly warn: ChalkInstance;
  readonly strong: ChalkInstance;
  readonly dim: ChalkInstance;
  readonly accent: ChalkInstance;
}

export function styleFor(colour: boolean): Style {
  const chalk = new Chalk({ level: colour ? 1 : 0 });
  return {
    good: chalk.green,
    bad: chalk.red,
    warn: chalk.yellow,
    strong: chalk.bold,
    dim: chalk.dim,
    accent: chalk.cyan,
  };
}

/** Which marks stand for what; legends are generated from it. */
export const MARKS = { done: '✔', failed: '✘', started: '▶', waits: '◆', note: '·' } as const;
