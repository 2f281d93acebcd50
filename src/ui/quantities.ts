import type { PointResult } from '../ir/events.ts';
import type { Lock } from '../ir/lock.ts';
import { shownValue } from './format.ts';
import { safeText } from './safe-text.ts';

/** `7.15871 mm`; a dimensionless number stands alone. */
export function shownQuantity(value: number | string, unit: string): string {
  const text = safeText(shownValue(value));
  return hasUnit(unit) && typeof value === 'number' ? `${text} ${unit}` : text;
}

/** `width [mm]` */
export function nameWithUnit(name: string, unit: string): string {
  return hasUnit(unit) ? `${name} [${unit}]` : name;
}

/** `width 7.15 mm  height 25.1 mm`, in the plan's order. */
export function valuesText(values: Readonly<Record<string, number | string>>, { variables }: Lock): string {
  return listed(values, variables);
}

/** `mass 0.512 kg  deflection 0.19 mm`, in the plan's order. */
export function metricsText(metrics: PointResult['metrics'], { metrics: declared }: Lock): string {
  return listed(metrics, declared);
}

function listed(
  values: Readonly<Record<string, number | string>>,
  declared: readonly { readonly name: string; readonly unit: string }[],
): string {
  return declared
    .filter(({ name }) => Object.hasOwn(values, name))
    .map(({ name, unit }) => `${name} ${shownQuantity(values[name]!, unit)}`)
    .join('  ');
}

function hasUnit(unit: string): boolean {
  return unit !== '' && unit !== '1';
}
