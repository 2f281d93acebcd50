/** The functions of the language: how many arguments each takes. Checker and evaluator both read this table. */
export const FUNCTIONS: Readonly<
  Record<string, { readonly least: number; readonly most: number; readonly usage: string }>
> = {
  abs: { least: 1, most: 1, usage: 'abs(x)' },
  ceil: { least: 1, most: 1, usage: 'ceil(x)' },
  exp: { least: 1, most: 1, usage: 'exp(x)' },
  floor: { least: 1, most: 1, usage: 'floor(x)' },
  log: { least: 1, most: 1, usage: 'log(x)' },
  max: { least: 1, most: 64, usage: 'max(a, b, ...)' },
  min: { least: 1, most: 64, usage: 'min(a, b, ...)' },
  pow: { least: 2, most: 2, usage: 'pow(x, 2)' },
  q: { least: 2, most: 2, usage: "q(2, 'kN')" },
  round: { least: 1, most: 1, usage: 'round(x)' },
  size: { least: 1, most: 1, usage: 'size(list)' },
  sqrt: { least: 1, most: 1, usage: 'sqrt(x)' },
};

/** Calls on a receiver: s.startsWith('x'). */
export const METHODS: Readonly<Record<string, { readonly arguments: number; readonly usage: string }>> = {
  contains: { arguments: 1, usage: "s.contains('x')" },
  endsWith: { arguments: 1, usage: "s.endsWith('x')" },
  size: { arguments: 0, usage: 'list.size()' },
  startsWith: { arguments: 1, usage: "s.startsWith('x')" },
};

/** Calls that CEL or its users know and expctl refuses, each with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  int: 'All numbers are doubles; leave the conversion out, or use floor, ceil or round.',
  uint: 'All numbers are doubles; leave the conversion out, or use floor, ceil or round.',
  double: 'All numbers are doubles already; leave the conversion out.',
  string: 'Numbers cannot be made into text yet.',
  bytes: 'There are no bytes in expressions.',
  bool: 'Compare instead, as in `x == true`.',
  matches: 'Regular expressions are not supported yet; use startsWith, endsWith or contains.',
  timestamp: 'An expression has no clock.',
  now: 'An expression has no clock.',
  duration: "Write a quantity, as in q(90, 's').",
  random: 'An expression has no random numbers.',
  type: 'Types cannot be asked for.',
  dyn: 'Leave the conversion out.',
  sin: 'Trigonometry is not supported yet.',
  cos: 'Trigonometry is not supported yet.',
  tan: 'Trigonometry is not supported yet.',
  sum: 'Sums over a list are not supported yet.',
  mean: 'Statistics over a list are not supported yet.',
  ln: 'The natural logarithm is `log(x)`.',
  log10: 'Write `log(x) / log(10)`.',
  log2: 'Write `log(x) / log(2)`.',
  power: 'Write `pow(x, 2)`.',
  length: 'Write `size(list)`.',
  len: 'Write `size(list)`.',
  startsWith: "Write `s.startsWith('x')`.",
  endsWith: "Write `s.endsWith('x')`.",
  contains: "Write `s.contains('x')`.",
};

export function refusedCall(name: string): string | undefined {
  return Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
}
