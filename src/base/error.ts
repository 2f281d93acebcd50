/**
 * Every failure a user can meet, one line per code. `exit` is the process exit status:
 * 1 internal, 2 usage or invalid plan, 3 not approved, 4 run failed, 5 waits for a person, 6 evidence does not hold, 7 environment.
 */
export const ERROR_CODES = {
  INTERNAL: { exit: 1, means: 'a defect in expctl' },
  USAGE: { exit: 2, means: 'the command line is wrong' },
  FILE_UNREADABLE: { exit: 2, means: 'a file that was named cannot be read or written' },
  DATA_INVALID: { exit: 2, means: 'a file is not what it should be' },
  PLAN_INVALID: { exit: 2, means: 'the plan has problems' },
  TOOLS_INVALID: { exit: 2, means: 'the tools file or its lock has problems' },
  LOCK_INVALID: { exit: 2, means: 'the lock is not a lock' },
  NOT_FOUND: { exit: 2, means: 'no run, point or artifact of that name' },
  LOCK_CHANGED: { exit: 3, means: 'the lock is not the one that was signed' },
  NOT_APPROVED: { exit: 3, means: 'nobody who may has signed this' },
  APPROVAL_INVALID: { exit: 3, means: 'the approval does not hold' },
  APPROVAL_EXPIRED: { exit: 3, means: 'the approval is not valid now' },
  APPROVAL_USED: { exit: 3, means: 'the approval has no runs left' },
  TRUST_INVALID: { exit: 3, means: 'the trust policy is missing or does not hold' },
  INPUT_CHANGED: { exit: 3, means: 'an input is not the one that was locked' },
  RUN_FAILED: { exit: 4, means: 'the run failed, or a budget was hit' },
  WAITS_FOR_PERSON: { exit: 5, means: 'the run waits for a person' },
  EVIDENCE_BROKEN: { exit: 6, means: 'the evidence does not hold' },
  REPLAY_DIVERGED: { exit: 6, means: 'the journal and the kernel disagree' },
  ARTIFACT_CORRUPT: { exit: 6, means: 'an artifact is not what its digest says' },
  TOOL_DRIFT: { exit: 7, means: 'a tool is not the one that was pinned' },
  TOOL_UNAVAILABLE: { exit: 7, means: 'a tool cannot be started or reached' },
  STORE_UNUSABLE: { exit: 7, means: 'the store cannot be used safely' },
  CLOCK_JUMPED: { exit: 7, means: 'the clock was set forward, and nobody has said that it is right' },
  MACHINE_FAULT: { exit: 7, means: 'a disk is full or broken, or there are no more files, memory or processes' },
  RUN_LOCKED: { exit: 7, means: 'another process performs this run' },
  ENGINE_UNAVAILABLE: { exit: 7, means: 'the server of an engine cannot be started or reached' },
  MODEL_UNAVAILABLE: { exit: 7, means: 'the language model cannot be used' },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A failure that a user can meet: what (message), where (in the message), and what to do next (hint). */
export class ExpctlError extends Error {
  readonly code: ErrorCode;
  /** Required: if we cannot say what to do, we do not understand the failure yet. */
  readonly hint: string;
  /** Further facts for `--json`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint: string; cause?: unknown; details?: Record<string, unknown> },
  ) {
    super(message, { cause: options.cause });
    this.name = 'ExpctlError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  get exit(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/** What a caught value says of itself. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** What an operating system says when it can do no more, and what to do about it. */
const FAULTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Free disk space, then do it again; a run goes on with `expctl resume`.',
  EDQUOT: 'Free disk space, or have your quota raised, then do it again; a run goes on with `expctl resume`.',
  EIO: 'Look at the disk, then do it again; a run goes on with `expctl resume`.',
  EMFILE: 'Allow more open files (`ulimit -n 4096`), then do it again; a run goes on with `expctl resume`.',
  ENFILE: 'End programs that hold many files open, then do it again; a run goes on with `expctl resume`.',
  EAGAIN: 'Allow more processes (`ulimit -u`), then do it again; a run goes on with `expctl resume`.',
  ENOMEM: 'End programs that need much memory, then do it again; a run goes on with `expctl resume`.',
};

/** A failure that only means that the machine can do no more, as what it is; null for any other. */
export function machineFault(error: unknown, what = 'This machine cannot do it now'): ExpctlError | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    const hint = FAULTS[String((at as { code?: unknown }).code)];
    if (hint !== undefined) return new ExpctlError('MACHINE_FAULT', `${what}: ${at.message}`, { hint, cause: error });
  }
  return null;
}
