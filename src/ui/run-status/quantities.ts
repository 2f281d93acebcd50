import { shownValue } from '../format.ts';
import { safeText } from '../safe-text.ts';

/** `7.15871 mm`; a dimensionless number stands alone. */
export function shownQuantity(value: number | string, unit: string): string {
  const text = safeText(shownValue(value));
  return hasUnit(unit) && typeof value === 'number' ? `${text} ${unit}` : text;
}

/** `width [mm]` */
export function withUnit(name: string, unit: string): string {
  return hasUnit(unit) ? `${name} [${unit}]` : name;
}

function hasUnit(unit: string): boolean {
  return unit !== '' && unit !== '1';
}
