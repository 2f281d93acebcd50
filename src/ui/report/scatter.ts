import { shownNumber } from '../format.ts';
import { nameWithUnit } from '../quantities.ts';
import { type Html, html } from './html.ts';
import { type Scale, scaleOf } from './scale.ts';

export interface Dot {
  readonly point: number;
  readonly x: number;
  readonly y: number;
  /** `feasible` is a disc, `infeasible` a ring, `failed` a cross. */
  readonly kind: 'feasible' | 'infeasible' | 'failed';
  readonly pareto: boolean;
  readonly best: boolean;
  readonly title: string;
}

interface Figure {
  readonly title: string;
  readonly x: { readonly name: string; readonly unit: string; readonly limit: Limit | null };
  readonly y: { readonly name: string; readonly unit: string; readonly limit: Limit | null };
  readonly dots: readonly Dot[];
}

interface Limit {
  readonly value: number;
  readonly text: string;
}

const WIDTH = 520;
const HEIGHT = 360;
const BOX = { left: 66, right: WIDTH - 16, top: 16, bottom: HEIGHT - 52 } as const;
/** More labels than this cover each other. */
const MOST_LABELS = 40;

/** A static scatter: axes with units, ticks, limits of the plan, a mark for each point with its number as its title. */
export function scatter(figure: Figure): Html {
  const { dots, x, y } = figure;
  const along = scaleOf([...dots.map((dot) => dot.x), ...(x.limit === null ? [] : [x.limit.value])]);
  const up = scaleOf([...dots.map((dot) => dot.y), ...(y.limit === null ? [] : [y.limit.value])]);
  const marks = [...dots].sort((a, b) => Number(a.best) - Number(b.best) || a.point - b.point);
  return html`<svg class="figure" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${figure.title}">
${grid(along, up)}
${x.limit === null ? null : limitLine(x.limit, placeX(along, x.limit.value), 'x')}
${y.limit === null ? null : limitLine(y.limit, placeY(up, y.limit.value), 'y')}
${frontLine(dots, along, up)}
${marks.map((dot) => mark(dot, placeX(along, dot.x), placeY(up, dot.y), dots.length <= MOST_LABELS))}
<text class="axis" x="${(BOX.left + BOX.right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${axisTitle(x, along)}</text>
<text class="axis" x="16" y="${(BOX.top + BOX.bottom) / 2}" text-anchor="middle" transform="rotate(-90 16 ${(BOX.top + BOX.bottom) / 2})">${axisTitle(y, up)}</text>
</svg>`;
}

function axisTitle({ name, unit }: Figure['x'], scale: Scale): string {
  return `${nameWithUnit(name, unit)}${scale.logarithmic ? ', logarithmic' : ''}`;
}

function placeX(scale: Scale, value: number): number {
  return fixed(BOX.left + scale.place(value) * (BOX.right - BOX.left));
}

function placeY(scale: Scale, value: number): number {
  return fixed(BOX.bottom - scale.place(value) * (BOX.bottom - BOX.top));
}

function fixed(value: number): number {
  return Math.round(value * 10) / 10;
}

function grid(along: Scale, up: Scale): Html {
  const { left, right, top, bottom } = BOX;
  const columns = along.ticks.map((tick) => {
    const at = placeX(along, tick);
    return html`<line class="grid" x1="${at}" y1="${top}" x2="${at}" y2="${bottom}"/><text class="tick" x="${at}" y="${bottom + 18}" text-anchor="middle">${shownNumber(tick)}</text>`;
  });
  const rows = up.ticks.map((tick) => {
    const at = placeY(up, tick);
    return html`<line class="grid" x1="${left}" y1="${at}" x2="${right}" y2="${at}"/><text class="tick" x="${left - 8}" y="${at + 4}" text-anchor="end">${shownNumber(tick)}</text>`;
  });
  return html`${columns}${rows}<path class="frame" d="M${left} ${top}V${bottom}H${right}"/>`;
}

function limitLine({ text }: Limit, at: number, axis: 'x' | 'y'): Html {
  const { left, right, top, bottom } = BOX;
  if (axis === 'x') {
    return html`<line class="limit" x1="${at}" y1="${top}" x2="${at}" y2="${bottom}"/><text class="limit-text" x="${at + 5}" y="${top + 12}">${text}</text>`;
  }
  return html`<line class="limit" x1="${left}" y1="${at}" x2="${right}" y2="${at}"/><text class="limit-text" x="${right - 4}" y="${at - 6}" text-anchor="end">${text}</text>`;
}

function frontLine(dots: readonly Dot[], along: Scale, up: Scale): Html | null {
  const front = dots.filter(({ pareto }) => pareto).sort((a, b) => a.x - b.x || a.y - b.y);
  if (front.length < 2) return null;
  const path = front.map((dot) => `${placeX(along, dot.x)} ${placeY(up, dot.y)}`).join('L');
  return html`<path class="front" d="M${path}"/>`;
}

function mark(dot: Dot, x: number, y: number, labelled: boolean): Html {
  const label = labelled ? html`<text class="label" x="${fixed(x + 9)}" y="${fixed(y - 7)}">${dot.point}</text>` : null;
  const ring = dot.best ? html`<circle class="best" cx="${x}" cy="${y}" r="9"/>` : null;
  return html`<g class="${dot.kind}${dot.pareto ? ' pareto' : ''}"><title>${dot.title}</title>${ring}${shape(dot, x, y)}${label}</g>`;
}

function shape({ kind }: Dot, x: number, y: number): Html {
  if (kind === 'failed') return html`<path d="M${fixed(x - 4)} ${fixed(y - 4)}l8 8m0 -8l-8 8"/>`;
  return html`<circle cx="${x}" cy="${y}" r="4.5"/>`;
}
