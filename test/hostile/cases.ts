/** YAML made to hurt: name, text, and the code of the first refusal; undefined where the file is odd but legal. */
export interface HostileCase {
  readonly name: string;
  /** Made when it is needed: all of them together take more memory than reading one may take. */
  readonly text: () => string | Uint8Array;
  readonly code: string | undefined;
}

const MIB = 1_048_576;

/** As many repetitions as fit into the largest file that is read. */
function full(piece: string, before = '', after = ''): string {
  const room = MIB - before.length - after.length;
  return before + piece.repeat(Math.floor(room / piece.length)) + after;
}

function lines(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join('\n');
}

function laughs(levels: number): string {
  return lines(levels, (i) => `a${i}: &a${i} [${Array.from({ length: 9 }, () => (i === 0 ? 'lol' : `*a${i - 1}`)).join(', ')}]`);
}

/** A step deeper with every line, until the file is full. */
function staircase(step: string): string {
  return lines(1400, (index) => ' '.repeat(index) + step);
}

export const HOSTILE: readonly HostileCase[] = [
  { name: '1,000 brackets', text: () => '['.repeat(1000), code: 'NESTING' },
  { name: '1,000 brackets, closed', text: () => '['.repeat(1000) + ']'.repeat(1000), code: 'NESTING' },
  { name: '1,500 brackets', text: () => '['.repeat(1500) + ']'.repeat(1500), code: 'NESTING' },
  { name: '5,000 brackets', text: () => '['.repeat(5000), code: 'NESTING' },
  { name: '100,000 brackets', text: () => '['.repeat(100_000), code: 'NESTING' },
  { name: 'a file of brackets', text: () => full('['), code: 'NESTING' },
  { name: 'brackets and line ends', text: () => full('[\n'), code: 'NESTING' },
  { name: 'braces', text: () => full('{'), code: 'NESTING' },
  { name: 'braces with keys', text: () => full('{a: '), code: 'NESTING' },
  { name: 'braces as keys', text: () => full('{? '), code: 'NESTING' },
  { name: 'pairs in brackets', text: () => full('[a: '), code: 'NESTING' },
  { name: 'brackets after one legal value', text: () => `a: 1\nb: ${'['.repeat(10_000)}`, code: 'NESTING' },
  { name: 'dashes', text: () => full('- ', '', 'x'), code: 'NESTING' },
  { name: 'dashes and tabs', text: () => full('-\t', '', 'x'), code: 'NESTING' },
  { name: 'question marks', text: () => full('? ', '', 'x'), code: 'NESTING' },
  { name: 'dashes and question marks', text: () => full('- ? ', '', 'x'), code: 'NESTING' },
  { name: 'colons', text: () => full(': ', '', 'x'), code: 'NESTING' },
  { name: 'keys in keys', text: () => full('a: ', '', 'x'), code: 'NESTING' },
  { name: 'a staircase of keys', text: () => staircase('a:'), code: 'NESTING' },
  { name: 'a staircase of dashes', text: () => staircase('-'), code: 'NESTING' },
  { name: 'a staircase of question marks', text: () => staircase('?'), code: 'NESTING' },
  { name: 'a staircase of dashes and keys', text: () => lines(700, (i) => `${'  '.repeat(i)}- a:`), code: 'NESTING' },
  { name: '64 levels', text: () => '['.repeat(64) + ']'.repeat(64), code: undefined },
  { name: '64 levels of pairs', text: () => `${'[a: '.repeat(32)}1${']'.repeat(32)}`, code: undefined },

  { name: 'billion laughs', text: () => laughs(10), code: 'ANCHOR' },
  { name: 'laughs through merge keys', text: () => `a: &a {x: 1}\n${lines(5000, () => 'b: {<<: [*a, *a, *a]}')}`, code: 'ANCHOR' },
  { name: 'an alias of itself', text: () => '&a [*a]', code: 'ANCHOR' },
  { name: 'anchors', text: () => full('&a '), code: 'ANCHOR' },
  { name: 'aliases', text: () => full('*a '), code: 'ALIAS' },
  { name: 'tags', text: () => full('!a '), code: 'TAG' },
  { name: 'an ordered map', text: () => full('a: 1, ', '!!omap [', 'b: 1]'), code: 'TAG' },
  { name: 'a long tag', text: () => full('%41', '!', ' a'), code: 'TAG' },
  { name: 'directives', text: () => full('%YAML 1.2\n'), code: 'DIRECTIVE' },
  { name: 'documents', text: () => full('---\n'), code: 'MULTIPLE_DOCUMENTS' },
  { name: 'documents that end', text: () => full('a\n...\n'), code: 'MULTIPLE_DOCUMENTS' },

  { name: 'one plain line', text: () => full('x', 'a: '), code: undefined },
  { name: 'one quoted line', text: () => full('x', 'a: "', '"'), code: undefined },
  { name: 'one quoted line, open', text: () => full('x', 'a: "'), code: 'SYNTAX' },
  { name: 'backslashes', text: () => full('\\\\', '"', '"'), code: undefined },
  { name: 'a string that ends in an escaped quote', text: () => full('\\"', '"'), code: 'SYNTAX' },
  { name: 'bad escapes', text: () => full('\\q', '"', '"'), code: 'SYNTAX' },
  { name: 'single quotes', text: () => full("''"), code: undefined },
  { name: 'single quotes, one too many', text: () => full("''", "'"), code: 'SYNTAX' },
  { name: 'quotes that open on each line', text: () => full('"\n'), code: 'SYNTAX' },
  { name: 'quotes that open in a map', text: () => full("a: 'x\n"), code: 'TOO_MANY_NODES' },
  { name: 'one key', text: () => full('k', '', ': 1'), code: 'SYNTAX' },
  { name: 'one comment', text: () => full('#', 'a: 1 '), code: undefined },
  { name: 'spaces', text: () => full(' ', '', 'a'), code: undefined },
  { name: 'tabs', text: () => full('\t', 'a:', 'b'), code: undefined },
  { name: 'digits', text: () => full('9', 'a: '), code: 'NUMBER_NOT_FINITE' },
  { name: 'zeros between digits', text: () => full('0', 'a: 1', '1'), code: 'NUMBER_NOT_FINITE' },
  { name: 'a long fraction', text: () => full('0', 'a: 0.', '1'), code: 'NUMBER_TOO_SMALL' },
  { name: 'a long exponent', text: () => full('9', 'a: 1e'), code: 'NUMBER_NOT_FINITE' },
  { name: 'a long block header', text: () => full('9', 'a: |'), code: 'SYNTAX' },
  { name: 'empty lines', text: () => full('\n', 'a:', 'b'), code: 'TOO_MANY_NODES' },
  { name: 'nothing but empty lines', text: () => full('\n'), code: 'TOO_MANY_NODES' },
  { name: 'comment lines', text: () => full('# c\n', 'a: 1\n'), code: 'TOO_MANY_NODES' },
  { name: 'comments under a block', text: () => `a:\n  b: |\n    x\n${'\n'.repeat(100_000)}${'  # c\n'.repeat(50_000)}  b: 1`, code: 'DUPLICATE_KEY' },
  { name: 'a block of empty lines', text: () => full('\n', 'a: |\n', '  x'), code: 'TOO_MANY_NODES' },
  { name: 'a folded block', text: () => full(' x\n\n', 'a: >\n'), code: 'TOO_MANY_NODES' },
  { name: 'a plain scalar of many lines', text: () => full('a\n'), code: 'TOO_MANY_NODES' },
  { name: 'a quoted scalar of many lines', text: () => full(' \n', '"', '"'), code: undefined },

  { name: 'values in brackets', text: () => full('1,', '[', ']'), code: 'TOO_MANY_NODES' },
  { name: 'commas', text: () => full(',', '['), code: 'TOO_MANY_NODES' },
  { name: 'empty items', text: () => full('-\n'), code: 'TOO_MANY_NODES' },
  { name: 'empty keys', text: () => full('?\n'), code: 'TOO_MANY_NODES' },
  { name: 'empty values', text: () => full(':\n'), code: 'TOO_MANY_NODES' },
  { name: 'many keys', text: () => lines(60_000, (index) => `k${index}: 1`), code: undefined },
  { name: 'many keys, one twice', text: () => `${lines(60_000, (index) => `k${index}: 1`)}\nk0: 1`, code: 'DUPLICATE_KEY' },
  { name: 'one key 60,000 times', text: () => 'a: 1\n'.repeat(60_000), code: 'DUPLICATE_KEY' },
  { name: 'one key in braces', text: () => `{${'a: 1, '.repeat(50_000)}}`, code: 'DUPLICATE_KEY' },
  { name: '50,000 negative zeros', text: () => '- -0\n'.repeat(50_000), code: 'NEGATIVE_ZERO' },
  { name: '50,000 nested keys on a line', text: () => 'a: b: c\n'.repeat(50_000), code: 'NESTING' },
  { name: 'closing brackets', text: () => full(']'), code: 'SYNTAX' },
  { name: 'closing braces as values', text: () => full('a: }\n'), code: 'SYNTAX' },
  { name: 'values without a mark', text: () => full('a #b\n'), code: 'SYNTAX' },
  { name: 'strings without commas', text: () => `[${'"a" '.repeat(50_000)}]`, code: 'SYNTAX' },
  { name: 'block items in brackets', text: () => full('- a\n', '[\n'), code: 'SYNTAX' },
  { name: 'control characters', text: () => full('\u0001'), code: 'CONTROL_CHARACTER' },
  { name: 'a byte too many', text: () => `${full('x')}xx`, code: 'TOO_LARGE' },
  { name: '64 MiB', text: () => new Uint8Array(64 * MIB).fill(0x78), code: 'TOO_LARGE' },
];
