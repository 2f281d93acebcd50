import type { RunHolder } from '../../provenance/ports.ts';
import type { PoolHolding, PoolsView, PoolWaiting } from '../../provenance/pools.ts';
import { renderColumns } from '../columns.ts';
import { plural, shownDuration, shownNumber } from '../format.ts';
import { safeText } from '../safe-text.ts';
import type { Style } from '../style.ts';

/** Digits of an effect's key that tell it from others. */
const KEY_DIGITS = 12;
/** How many of those who stand before a want are named. */
const MOST_NAMED = 2;

interface Options {
  readonly style: Style;
  readonly now_ms: number;
}

/** The pools of a store, who holds their tokens and who waits, as lines. */
export function poolsLines(view: PoolsView, options: Options): string[] {
  const sections = [poolLines(view), holderLines(view.holders, options), waitingLines(view.waiting, options)];
  return sections.filter((lines) => lines.length > 0).flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

function poolLines({ pools }: PoolsView): string[] {
  const columns = [
    { title: 'pool' },
    { title: 'held', right: true },
    { title: 'of', right: true },
    { title: 'waiting', right: true },
    { title: '' },
  ];
  const rows = pools.map(({ pool, tokens, held, waiting, by_run }) => [
    safeText(pool),
    shownNumber(held),
    tokens === null ? '?' : shownNumber(tokens),
    String(waiting),
    by_run === null
      ? ''
      : Object.entries(by_run)
          .map(([run, of]) => `${safeText(run)}: of ${shownNumber(of)}`)
          .join(', '),
  ]);
  return rows.length === 0 ? [] : renderColumns(columns, rows);
}

function holderLines(holders: readonly PoolHolding[], { style, now_ms }: Options): string[] {
  if (holders.length === 0) return [];
  const titles = ['holds', 'point', 'step', 'tokens', 'for', 'effect', 'performed by', ''];
  const rows = holders.map((holder) => [
    safeText(holder.run),
    String(holder.point),
    stepText(holder),
    tokensText(holder.uses),
    shownAge(holder.since_ms, now_ms),
    safeText(holder.effect?.slice(0, KEY_DIGITS) ?? '-'),
    processText(holder.performed_by),
    holder.next === null ? '' : style.warn(`may be running: ${safeText(holder.next)}`),
  ]);
  return renderColumns(columnsOf(titles), rows);
}

function waitingLines(waiting: readonly PoolWaiting[], { now_ms }: Options): string[] {
  if (waiting.length === 0) return [];
  const titles = ['waits', 'point', 'step', 'tokens', 'for', 'place', 'performed by', 'behind'];
  const rows = waiting.map((want) => [
    safeText(want.run),
    String(want.point),
    stepText(want),
    tokensText(want.uses),
    shownAge(want.since_ms, now_ms),
    String(want.place),
    processText(want.performed_by),
    behindText(want),
  ]);
  return renderColumns(columnsOf(titles), rows);
}

function columnsOf(titles: readonly string[]): { title: string; right?: boolean }[] {
  return titles.map((title) => ({ title, right: title === 'point' || title === 'place' }));
}

function behindText({ behind, overtaken, performed_by }: PoolWaiting): string {
  if (performed_by.state === 'gone' || performed_by.state === 'nobody') return 'nobody: it is not performed now';
  const named = behind.slice(0, MOST_NAMED).map(safeText).join(', ');
  const more = behind.length > MOST_NAMED ? ` and ${behind.length - MOST_NAMED} more` : '';
  const passed = overtaken === 0 ? '' : ` (overtaken ${plural(overtaken, 'time')})`;
  return `${named === '' ? 'those before it' : named}${more}${passed}`;
}

function stepText({ step, attempt }: { readonly step: string; readonly attempt: number }): string {
  return attempt === 1 ? safeText(step) : `${safeText(step)} (attempt ${attempt})`;
}

function tokensText(uses: Readonly<Record<string, number>>): string {
  return Object.entries(uses)
    .map(([pool, tokens]) => `${safeText(pool)} ${shownNumber(tokens)}`)
    .join(', ');
}

function processText({ state, pid, engine, machine }: RunHolder): string {
  if (engine !== undefined) return `Temporal at ${safeText(machine ?? '')}`;
  if (state === 'live') return `process ${pid}`;
  if (state === 'unknown') return `process ${pid} elsewhere`;
  return state === 'gone' ? 'a process that died' : 'nobody';
}

function shownAge(since_ms: number, now_ms: number): string {
  return shownDuration(Math.max(0, now_ms - since_ms) / 1000);
}
