import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readTrustFile, userTrustPath } from '../../../src/adapters/files/trust-file.ts';
import type { TrustSearch } from '../../../src/adapters/files/trust-file.ts';
import { trustJson } from '../../approval/fixtures.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-trust-')));
  mkdirSync(at('project'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (...names: string[]) => join(folder, ...names);

function policy(path: string, mode = 0o600): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(trustJson()));
  chmodSync(path, mode);
  return path;
}

function search(changes: Partial<TrustSearch> = {}): TrustSearch {
  return { env: {}, home: at('home'), project_root: at('project'), etc: at('etc'), ...changes };
}

async function outcome(changes: Partial<TrustSearch> = {}): Promise<string> {
  const result = await readTrustFile(search(changes));
  if (result.ok) return result.value.path;
  expect(result.error.code).toBe('TRUST_INVALID');
  return result.error.message;
}

test('a policy is looked for where the flag says, then the variable, the user, the machine', async () => {
  expect(await outcome()).toMatch(
    /^There is no trust policy at .*home\/\.config\/expctl\/trust\.json or .*etc\/expctl\/trust\.json/,
  );
  const machine = policy(at('etc', 'expctl', 'trust.json'));
  expect(await outcome()).toBe(machine);
  const user = policy(at('home', '.config', 'expctl', 'trust.json'));
  expect(await outcome()).toBe(user);
  const xdg = policy(at('xdg', 'expctl', 'trust.json'));
  expect(await outcome({ env: { XDG_CONFIG_HOME: at('xdg') } })).toBe(xdg);
  const variable = policy(at('variable.json'));
  const env = { XDG_CONFIG_HOME: at('xdg'), EXPCTL_TRUST: variable };
  expect(await outcome({ env })).toBe(variable);
  const flag = policy(at('flag.json'));
  expect(await outcome({ env, flag })).toBe(flag);
});

test('a path that was named is the only one looked at', async () => {
  policy(at('home', '.config', 'expctl', 'trust.json'));
  expect(await outcome({ flag: at('nowhere.json') })).toContain('nowhere.json');
  expect(await outcome({ env: { EXPCTL_TRUST: at('nowhere.json') } })).toContain('nowhere.json');
});

test('an unsound file denies, and the next is not tried', async () => {
  policy(at('etc', 'expctl', 'trust.json'));
  policy(at('home', '.config', 'expctl', 'trust.json'), 0o666);
  expect(await outcome()).toContain('written by others');
});

test('empty variables say nothing', () => {
  expect(userTrustPath({ env: { XDG_CONFIG_HOME: '' }, home: '/home/a' })).toBe('/home/a/.config/expctl/trust.json');
});

describe('a file is refused', () => {
  test('that is a link, even to a sound one', async () => {
    policy(at('real.json'));
    symlinkSync(at('real.json'), at('link.json'));
    expect(await outcome({ flag: at('link.json') })).toContain('symbolic link');
  });

  test('that is a link to nowhere', async () => {
    symlinkSync(at('nowhere'), at('home-link.json'));
    expect(await outcome({ flag: at('home-link.json') })).toContain('symbolic link');
  });

  test('inside the project, also by way of a linked folder', async () => {
    policy(at('project', 'trust.json'));
    symlinkSync(at('project'), at('elsewhere'));
    expect(await outcome({ flag: at('project', 'trust.json') })).toContain('inside the project');
    expect(await outcome({ flag: at('elsewhere', 'trust.json') })).toContain('inside the project');
    expect(await outcome({ flag: at('project', 'trust.json'), project_root: at('elsewhere') })).toContain(
      'inside the project',
    );
  });

  test.each([0o620, 0o602, 0o666])('of mode %o', async (mode) => {
    expect(await outcome({ flag: policy(at('trust.json'), mode) })).toContain('written by others');
  });

  test('that is a folder', async () => {
    mkdirSync(at('trust.json'), { mode: 0o700 });
    expect(await outcome({ flag: at('trust.json') })).toContain('regular file');
  });

  test('whose content is not a policy', async () => {
    writeFileSync(at('trust.json'), '{}', { mode: 0o600 });
    expect(await outcome({ flag: at('trust.json') })).toContain('cannot be read');
  });
});
