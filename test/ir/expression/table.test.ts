import { test } from 'vitest';
import { checkExpression } from '../../../src/ir/expression/check.ts';
import { evaluate } from '../../../src/ir/expression/evaluate.ts';
import { parseExpression } from '../../../src/ir/expression/parse.ts';
import { describeType } from '../../../src/ir/expression/type.ts';
import { renderValue } from '../../../src/ir/expression/value.ts';
import { assertGolden } from '../../golden.ts';
import { lookup, SCOPE } from './scope.ts';

/** One expression a line; a line that begins with # is a heading of the golden file. */
const EXPRESSIONS = String.raw`
# literals and operators
1/2
1 + 2 * 3 - 4 / 2
-2 - -3
2 - 3 - 4
7 % 4
-7 % 4
0x1F
.5e1
- 0
'it\'s' + "\x41\u00e9\n"
[1, 2, 3]
true && !false
1 < 2 && 2 < 3 || false
count > 2 ? 'many' : 'few'
'b' > 'a'
null == post.message
(1 + 2) * 3 // a comment
# quantities
length
2 * length
length / height
length * width
width * height * density
load / (width * height)
length + height
height + length
length - 5
1e-3 * 2 + width
deflection <= 0.5
0.5 >= deflection
abs(q(post.reaction, 'N') - load) < 1e-3 * load
length == height * 10
1 / q(2, 's')
200 * q(1, 'mm') / q(1, 'm')
length % 150
-length
angle
2 * angle
length * angle
angle < 45
load * tolerance
ratio * tolerance <= ratio
tolerance + ratio
speed > frequency
width in [5, 10]
10 in [width]
3 in lengths
# functions
abs(-2.5)
min(3, 1, 2)
max(width, height)
max(width, 12)
min([3, 1, 2])
max(lengths)
sqrt(2)
sqrt(width * height)
sqrt(load)
pow(2, 10)
pow(length, 3)
pow(length, -1/2)
pow(length, 0)
exp(0)
log(exp(1))
exp(tolerance)
floor(-1.5)
ceil(1.2)
round(2.5)
round(-2.5)
size('h\u00e9llo')
size(feasible) == 0
feasible.size()
q(2, 'kN')
q(2, '1')
post.status in ['done', 'failed']
'x' in raw
material.startsWith('st')
material.endsWith('x')
material.contains('tee')
# answers
post.mass * 2
post['mass']
post.modes[0]
raw.nested.k[1].deep
raw.nested['k'][0] + 1
has(post.mass)
has(raw.missing)
raw.__proto__
post.message == null
post.modes.all(f, f > 10)
post.modes.exists(f, f > 200)
post.modes.exists_one(f, f > 200)
post.modes.filter(f, f > 50)
post.modes.map(f, q(f, 'Hz'))
feasible.map(p, p.mass)
post.modes.map(f, post.modes.filter(g, g < f).size())
# problems of meaning
lenght + 1
post.mas
length + load
length + ratio
ratio + length
length < load || widht > 3
post.reaction - load
raw.x - load
exp(load)
floor(angle)
log(0)
1 / 0
0 / 0
pow(length, count)
pow(length, 1/3)
sqrt(sqrt(load))
sqrt(-1)
'a' + 1
'a' == 1
material < 2
!count
count && true
count ? 1 : 2
true ? length : load
true ? length : height
true ? length : 5
q(length, 'm')
q(2, 'newton')
q(2, 'degC')
q(2, material)
min
foo(1)
sine(1)
matches(material, 'x')
abs(1, 2)
material.lower()
material.startsWith(1)
post.modes.contains(1)
length.value
post.modes['a']
post.modes[5]
post.modes[0.5]
5 in 6
count.all(x, true)
post.modes.all(f, f)
[length, 1, 'a'].size()
raw.mixed.all(x, x == 1)
abs('x')
-material
constructor
raw.constructor
post.toString
min([])
# problems of form

1 +
(1
[1, 2
a b
a < 0.2 mm
1 < 2 < 3
5mm
1.
3u
'open
'\q'
a = b
a & b
{'a': 1}
r'raw'
x and y
not x
package
in
has(x)
[1].all(1, true)
9007199254740993
1e999
$x
a.
a.1
f(1,)
`;

function line(text: string): string {
  const expression = parseExpression(text);
  if (!expression.ok) {
    const { message, hint, offset, length } = expression.error;
    return `    problem ${offset}+${length}: ${message} ${hint}\n`;
  }
  const { type, problems, notes } = checkExpression(expression.value, SCOPE);
  const value = evaluate(expression.value, lookup);
  return [
    `    ${value.ok ? `= ${renderValue(value.value)}` : `fails: ${value.error.message}`}`,
    `    type: ${describeType(type)}`,
    ...problems.map(({ message, hint, offset, length }) => `    problem ${offset}+${length}: ${message} ${hint}`),
    ...notes.map(({ message, offset, length }) => `    note ${offset}+${length}: ${message}`),
    '',
  ].join('\n');
}

test('what expressions mean', () => {
  const lines = EXPRESSIONS.trim().split('\n');
  const rendered = lines.map((text) => (text.startsWith('#') ? `\n${text}\n` : `${text}\n${line(text)}`));
  assertGolden('expressions.txt', rendered.join('').trimStart());
});
