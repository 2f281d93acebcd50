export interface ToApprove {
  readonly plan: string;
  readonly lock: string;
  /** Where the key is made. */
  readonly key: string;
  /** Where the policy is made. */
  readonly trust: string;
  readonly person?: string;
  readonly runs?: number;
  /** Who may perform them. */
  readonly engines?: readonly string[];
}

/** What a team of one does before a run, command by command: key, policy, pins, lock, request and signature. */
export function approvalSteps({
  plan,
  lock,
  key,
  trust,
  person = 'lead',
  runs = 1,
  engines = ['embedded'],
}: ToApprove) {
  return [
    ['keys', 'new', key],
    ['trust', 'init', '--person', person, '--key', key, '--solo', '--allow-without-terminal', '-o', trust],
    ['tools', 'pin'],
    ['lock', plan],
    ['request', lock, '--runs', String(runs), '--by', person, '--engine', ...engines],
    ['approve', lock, '--key', key, '--trust', trust],
  ] as const;
}
