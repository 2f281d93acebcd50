import { trustEntry } from '../approval/public-key.ts';
import type { Trust } from '../approval/trust.ts';
import { plural } from './format.ts';

/** A trust policy in plain words: people and their keys, then what each kind of signature needs. Names hold ASCII letters only. */
export function trustLines(trust: Trust): string[] {
  const { persons, expires } = trust.policy;
  return [
    ...(expires === undefined ? [] : [`It ends at ${expires}; then it allows nothing.`]),
    '',
    'People',
    ...Object.entries(persons).flatMap(([name, { roles }]) => [
      `  ${name}: ${roles.includes('*') ? 'every role' : roles.join(', ')}`,
      ...keysOf(trust, name).map((line) => `    ${line}`),
    ]),
    '',
    'Approvals of locks',
    ...approvalRule(trust),
    '',
    'Decisions at gates',
    ...gateRules(trust),
    ...serviceLines(trust),
  ];
}

function keysOf(trust: Trust, person: string): string[] {
  const own = trust.keys.filter(({ fingerprint }) => trust.owners.get(fingerprint) === person);
  return own.map((key) => {
    const entry = trustEntry(key);
    return 'ssh' in entry ? `${key.fingerprint}  SSH` : `${key.fingerprint}  built-in`;
  });
}

function serviceLines({ checkpoint_keys }: Trust): string[] {
  if (checkpoint_keys.length === 0) return [];
  const keys = checkpoint_keys.map(({ service, key }) => `  ${service}: ${key.fingerprint}`);
  return ['', 'Services that sign checkpoints of journals', ...keys];
}

function approvalRule({ policy }: Trust): string[] {
  const rule = policy.rules.approve;
  if (rule === undefined) return ['  Nobody may approve: there is no rule.'];
  const who = rule.roles.includes('*') ? 'anybody listed' : `a person with the role ${rule.roles.join(' or ')}`;
  return [
    `  ${plural(rule.n, 'person', 'people')} must approve, each ${who}; one refusal beats all approvals.`,
    ...permissions(rule, 'Who requested a run may', 'approve it'),
  ];
}

function gateRules({ policy }: Trust): string[] {
  const rules = Object.entries(policy.rules.gates);
  if (rules.length === 0) return ['  Nobody may decide at gates: there is no rule.'];
  return rules.flatMap(([role, rule]) => [
    role === '*'
      ? '  Any role that a gate asks for and that has no rule of its own:'
      : `  Where a gate asks for the role ${role}:`,
    ...permissions(rule, '  Who requested the run may', 'decide'),
  ]);
}

function permissions(
  rule: { readonly allow_self: boolean; readonly allow_without_terminal: boolean },
  who: string,
  what: string,
): string[] {
  const indent = who.startsWith(' ') ? '  ' : '';
  return [
    `  ${who}${rule.allow_self ? '' : ' not'} ${what}.`,
    `  ${indent}Signing without a terminal is ${rule.allow_without_terminal ? '' : 'not '}allowed.`,
  ];
}
