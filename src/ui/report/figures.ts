import type { Lock } from '../../ir/lock.ts';
import { axesOf, paretoPoints } from '../../provenance/pareto.ts';
import type { PointRow } from '../../provenance/points.ts';
import { metricsText, valuesText } from '../quantities.ts';
import { type Html, html, raw } from './html.ts';
import { type Dot, scatter } from './scatter.ts';

/** Both figures, as far as the run has what they show: two metrics against each other, and the points among the variables. */
export function figuresSection(points: readonly PointRow[], lock: Lock, best: number | null): Html | null {
  const figures = [metricsFigure(points, lock, best), variablesFigure(points, lock, best)];
  const shown = figures.filter((figure) => figure !== null);
  if (shown.length === 0) return null;
  return html`<h2>Figures</h2><div class="figures">${shown}</div>${LEGEND}`;
}

function metricsFigure(points: readonly PointRow[], lock: Lock, best: number | null): Html | null {
  const axes = axesOf(lock);
  if (axes === null) return null;
  const [x, y] = axes;
  const front = paretoPoints(points, axes);
  const dots = points.flatMap((point): Dot[] => {
    const [at_x, at_y] = [point.metrics[x.metric], point.metrics[y.metric]];
    if (at_x === undefined || at_y === undefined) return [];
    return [{ ...dotOf(point, lock, best), x: at_x, y: at_y, pareto: front.has(point.point) }];
  });
  if (dots.length === 0) return null;
  const title = `${y.metric} over ${x.metric}`;
  const axis = ({ metric, unit, limit }: typeof x) => ({ name: metric, unit, limit });
  return figure(title, scatter({ title, x: axis(x), y: axis(y), dots }));
}

function variablesFigure(points: readonly PointRow[], lock: Lock, best: number | null): Html | null {
  const [x, y] = lock.variables.filter(({ type }) => type !== 'choice');
  if (x === undefined || y === undefined || points.length === 0) return null;
  const dots = points.flatMap((point): Dot[] => {
    const [at_x, at_y] = [point.values[x.name], point.values[y.name]];
    if (typeof at_x !== 'number' || typeof at_y !== 'number') return [];
    return [{ ...dotOf(point, lock, best), x: at_x, y: at_y, pareto: false }];
  });
  const title = `Where the points lie: ${y.name} over ${x.name}`;
  const axis = ({ name, unit }: typeof x) => ({ name, unit, limit: null });
  return figure(title, scatter({ title, x: axis(x), y: axis(y), dots }));
}

function dotOf(point: PointRow, lock: Lock, best: number | null): Omit<Dot, 'x' | 'y' | 'pareto'> {
  const outcome = point.failure === null ? metricsText(point.metrics, lock) : `failed: ${point.failure.class}`;
  const title = `point ${point.point}: ${valuesText(point.values, lock)}; ${outcome}`;
  const kind = point.feasible === true ? 'feasible' : point.feasible === false ? 'infeasible' : 'failed';
  return { point: point.point, kind, best: point.point === best, title };
}

function figure(title: string, svg: Html): Html {
  return html`<figure><figcaption>${title}</figcaption>${svg}</figure>`;
}

function key(group: string, shape: string, text: string): Html {
  return html`<li><svg class="figure" viewBox="0 0 24 24" aria-hidden="true"><g class="${group}">${raw(shape)}</g></svg>${text}</li>`;
}

const DISC = '<circle cx="12" cy="12" r="5"/>';
const LEGEND = html`<ul class="legend">
${key('feasible', DISC, 'feasible')}
${key('infeasible', DISC, 'breaks a constraint')}
${key('failed', '<path d="M7 7l10 10m0 -10l-10 10"/>', 'failed or not ended')}
${key('feasible pareto', DISC, 'Pareto: no other point is better in both metrics')}
${key('feasible', `<circle class="best" cx="12" cy="12" r="9"/>${DISC}`, 'best feasible point')}
</ul>`;
