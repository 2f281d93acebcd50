import type { Command } from 'commander';
import type { App } from './app.ts';

/** A command as help lists it; its module is loaded when it is called. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly load: () => Promise<(app: App) => Command>;
}

/** Every command that works, in the order in which an experiment meets them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'write a plan by answering questions, without a model',
    group: 'Plan',
    load: async () => (await import('./init.ts')).initCommand,
  },
  {
    name: 'plan',
    summary: 'draft a plan with a language model',
    group: 'Plan',
    load: async () => (await import('./plan.ts')).planCommand,
  },
  {
    name: 'check',
    summary: 'report all problems of a plan',
    group: 'Plan',
    load: async () => (await import('./check.ts')).checkCommand,
  },
  {
    name: 'lock',
    summary: 'write the exact bytes of everything that will run',
    group: 'Plan',
    load: async () => (await import('./lock.ts')).lockCommand,
  },
  {
    name: 'simulate',
    summary: 'say how long a plan takes, and what holds it up, without any tool',
    group: 'Plan',
    load: async () => (await import('./simulate.ts')).simulateCommand,
  },
  {
    name: 'diff',
    summary: 'compare two plans by meaning, or a plan with the last approved one',
    group: 'Plan',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  {
    name: 'tools',
    summary: 'add, list, pin and test the tools of a project',
    group: 'Plan',
    load: async () => (await import('./tools.ts')).toolsCommand,
  },
  {
    name: 'review',
    summary: 'read what a lock will do, and approve or reject it',
    group: 'Approve',
    load: async () => (await import('./review.ts')).reviewCommand,
  },
  {
    name: 'request',
    summary: 'write what is asked of the approvers of a lock',
    group: 'Approve',
    load: async () => (await import('./request.ts')).requestCommand,
  },
  {
    name: 'approve',
    summary: 'sign a lock that you have reviewed, or reject it',
    group: 'Approve',
    load: async () => (await import('./approve.ts')).approveCommand,
  },
  {
    name: 'verify',
    summary: 'say whether a lock may run, or whether the journal of a run holds',
    group: 'Approve',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'run',
    summary: 'execute an approved lock',
    group: 'Run',
    load: async () => (await import('./run.ts')).runCommand,
  },
  {
    name: 'resume',
    summary: 'go on with a run that was paused, interrupted, or waits at a gate',
    group: 'Run',
    load: async () => (await import('./run.ts')).resumeCommand,
  },
  {
    name: 'gate',
    summary: 'decide, with a signature, at an open gate',
    group: 'Run',
    load: async () => (await import('./gate.ts')).gateCommand,
  },
  {
    name: 'pause',
    summary: 'send nothing new; jobs go on',
    group: 'Run',
    load: async () => (await import('./control.ts')).pauseCommand,
  },
  {
    name: 'cancel',
    summary: 'end a run, a phase or points in good order',
    group: 'Run',
    load: async () => (await import('./control.ts')).cancelCommand,
  },
  {
    name: 'resolve',
    summary: 'say what became of an effect that nobody knows of',
    group: 'Run',
    load: async () => (await import('./resolve.ts')).resolveCommand,
  },
  {
    name: 'retry',
    summary: 'try failed points again',
    group: 'Run',
    load: async () => (await import('./control.ts')).retryCommand,
  },
  {
    name: 'list',
    summary: 'list the runs of a store',
    group: 'Run',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    name: 'status',
    summary: 'say where a run stands, and what it waits for',
    group: 'Run',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  {
    name: 'watch',
    summary: 'follow a run until it ends or waits',
    group: 'Run',
    load: async () => (await import('./watch.ts')).watchCommand,
  },
  {
    name: 'pools',
    summary: 'show who holds the tokens of shared pools, and who waits',
    group: 'Run',
    load: async () => (await import('./pools.ts')).poolsCommand,
  },
  {
    name: 'worker',
    summary: 'perform runs that lie on Temporal',
    group: 'Run',
    load: async () => (await import('./worker.ts')).workerCommand,
  },
  {
    name: 'server',
    summary: 'start, end and look at a Temporal server on this machine',
    group: 'Run',
    load: async () => (await import('./server.ts')).serverCommand,
  },
  {
    name: 'logs',
    summary: "show what tools wrote during a point's calls",
    group: 'Run',
    load: async () => (await import('./logs.ts')).logsCommand,
  },
  {
    name: 'trace',
    summary: 'go from a number or file back to what made it',
    group: 'Evidence',
    load: async () => (await import('./trace.ts')).traceCommand,
  },
  {
    name: 'replay',
    summary: 'recompute a run from its lock and journal, without any tool',
    group: 'Evidence',
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  {
    name: 'report',
    summary: 'write a run as one HTML page',
    group: 'Evidence',
    load: async () => (await import('./report.ts')).reportCommand,
  },
  {
    name: 'export',
    summary: 'write all points of a run as a table',
    group: 'Evidence',
    load: async () => (await import('./export.ts')).exportCommand,
  },
  {
    name: 'keys',
    summary: 'make and show built-in keys',
    group: 'Trust',
    load: async () => (await import('./keys.ts')).keysCommand,
  },
  {
    name: 'trust',
    summary: 'make and show the trust policy',
    group: 'Trust',
    load: async () => (await import('./trust.ts')).trustCommand,
  },
  {
    name: 'doctor',
    summary: 'say whether everything that a run needs is there',
    group: 'Help',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    group: 'Help',
    load: async () => (await import('./completion.ts')).completionCommand,
  },
];
