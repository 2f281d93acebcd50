import type { Command } from 'commander';
import { plural } from '../ui/format.ts';
import { safeLines, safeText } from '../ui/safe-text.ts';
import { MARKS, type Style, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { type Finding, findings } from './doctor-checks.ts';
import {
  command,
  type JsonOption,
  type StoreOption,
  type TrustOption,
  withExamples,
  withJson,
  withStore,
  withTrust,
} from './options.ts';
import { type TemporalFlags, temporalFlags, withTemporal } from './temporal-options.ts';

type DoctorOptions = JsonOption & StoreOption & TrustOption & TemporalFlags;

export function doctorCommand(app: App): Command {
  const doctor = command('doctor', 'say whether everything that a run needs is there').action(
    (options: DoctorOptions) => runDoctor(app, options),
  );
  return withExamples(withTemporal(withTrust(withStore(withJson(doctor)))), 'expctl doctor', 'expctl doctor --json');
}

async function runDoctor(app: App, options: DoctorOptions): Promise<void> {
  const { json, store, trust } = options;
  const found = await findings(app, { store, trust, temporal: temporalFlags(options) });
  const broken = found.filter(({ state }) => state === 'broken').length;
  if (json === true) app.terminal.out(JSON.stringify({ ok: broken === 0, checks: found }, null, 2));
  else for (const finding of found) app.terminal.out(lines(finding, styleFor(app.terminal.colour.out)).join('\n'));
  if (broken > 0) app.exit(7);
  if (json === true) return;
  const missing = found.filter(({ state }) => state === 'missing').length;
  const said = [broken > 0 ? `${broken} broken` : '', missing > 0 ? `${missing} missing` : ''].filter(
    (part) => part !== '',
  );
  app.terminal.note(said.length === 0 ? `All ${plural(found.length, 'check')} passed.` : `${said.join(', ')}.`);
}

function lines({ name, state, message, hint }: Finding, style: Style): string[] {
  const mark = { good: style.good(MARKS.done), missing: style.warn(MARKS.note), broken: style.bad(MARKS.failed) }[
    state
  ];
  const [first = '', ...rest] = safeLines(message);
  const word = state === 'good' ? '' : ` ${state}:`;
  const fix = state === 'good' || hint === '' ? [] : [`  ${style.accent('Fix:')} ${safeText(hint)}`];
  return [`${mark} ${safeText(name)}:${word} ${first}`, ...rest.map((line) => `  ${line}`), ...fix];
}
