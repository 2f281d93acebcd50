import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assertGolden } from '../golden.ts';
import { HOSTILE } from '../hostile/cases.ts';
import { makeProject, type TestProject } from './support.ts';

const PLAN = 'plans/beam-small.plan.yaml';

let at: TestProject;
beforeAll(() => {
  at = makeProject();
});
afterAll(() => at.remove());

function write(name: string, text: string | Uint8Array): void {
  writeFileSync(join(at.project, name), text);
}

const good = (): string => readFileSync(join(at.project, PLAN), 'utf8');

/** Wrong in five places, of every kind that is shown differently. */
const WRONG = `expctl: 1
name: wrong
goal: "Colours \\u001b[31m and \\u202e marks."
questions: [ { text: "Is this \\u001b[2J [answered](https://example.org)?" } ]
variables:
  width: { type: real, unit: mm, min: 5, max: 20, step: 2 }
  height: { type: real, unit: mn, min: 8, max: 3 }
pipeline:
  cad:
    call: beam/cad.modify
    with: { design_id: cantilever, note: "this line is far longer than a terminal is wide", params: { b: =width, h: =heigt, L: 200 } }
metrics: { mass: { value: =cad.volume_mm3 } }
study: [ { phase: a, design: { latin_hypercube: { points: 3, seed: 1 } } } ]
`;

describe('a valid plan', () => {
  test('is said to be valid, with the most that it can cause and what to do next', async () => {
    const { status, stdout, stderr } = await at.run(['check', PLAN]);
    assertGolden('commands/check-valid.txt', stdout);
    expect({ status, stderr }).toEqual({ status: 0, stderr: `Next: expctl lock ${PLAN}\n` });
  });

  test('as JSON is one document', async () => {
    const { status, stdout, stderr } = await at.run(['check', PLAN, '--json']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ plan: PLAN, problems: [], forecast: { points: 6, jobs: 12 } });
    expect(Object.keys(JSON.parse(stdout))).toEqual(['plan', 'problems', 'notes', 'forecast']);
  });

  test('as JSON plan', async () => {
    write('json.plan.json', JSON.stringify({ expctl: 1, name: 'json' }));
    const { status, stdout } = await at.run(['check', 'json.plan.json', '--format', 'gcc']);
    expect(status).toBe(2);
    expect(stdout).toContain('json.plan.json:1:1: error: This file has no "goal".');
  });
});

describe('a table of points that is a link to elsewhere', () => {
  test.each([['/etc/passwd'], ['/dev/zero']])('%s is not looked into', async (target) => {
    const design = /latin_hypercube: \{[^}]*\}/;
    expect(good()).toMatch(design);
    write('plans/linked.plan.yaml', good().replace(design, 'table: { file: points.csv }'));
    symlinkSync(target, join(at.project, 'plans/points.csv'));
    const { status, stdout } = await at.run(['check', 'plans/linked.plan.yaml']);
    rmSync(join(at.project, 'plans/points.csv'));
    expect(status).toBe(2);
    expect(stdout).toContain("There is no file `points.csv` below the plan's folder.");
    expect(stdout).not.toContain('root');
  });
});

describe('a plan with problems', () => {
  beforeAll(() => write('wrong.plan.yaml', WRONG));

  test('all of them, with place, line, and what to do next; nothing in it reaches the terminal as a command', async () => {
    const { status, stdout, stderr } = await at.run(['check', 'wrong.plan.yaml']);
    assertGolden('commands/check-wrong.txt', stdout);
    expect({ status, stderr }).toEqual({ status: 2, stderr: 'wrong.plan.yaml: 5 errors, 1 warning.\n' });
    expect(stdout).not.toMatch(/[^\n\x20-\x7e│✘·…^]/);
  });

  test('in the form of compilers', async () => {
    const { status, stdout } = await at.run(['check', 'wrong.plan.yaml', '--format', 'gcc']);
    assertGolden('commands/check-wrong-gcc.txt', stdout);
    expect(status).toBe(2);
    for (const line of stdout.trimEnd().split('\n'))
      expect(line).toMatch(/^wrong\.plan\.yaml:\d+:\d+: (error|warning): .*\[[A-Z_]+\]$/);
  });

  test('as JSON', async () => {
    const { status, stdout } = await at.run(['check', 'wrong.plan.yaml', '--json']);
    expect(status).toBe(2);
    const { problems, forecast } = JSON.parse(stdout);
    expect(forecast).toBeNull();
    expect(problems).toHaveLength(6);
    expect(problems[5]).toEqual({
      code: 'EXPRESSION',
      severity: 'error',
      file: 'wrong.plan.yaml',
      line: 11,
      column: 118,
      pointer: '/pipeline/cad/with/params/h',
      message: 'There is no value `heigt` here.',
      fix: 'Did you mean `height`?',
    });
  });

  test('as SARIF 2.1.0', async () => {
    const { status, stderr } = await at.run(['check', 'wrong.plan.yaml', '--sarif', 'out/check.sarif']);
    expect(status).toBe(2);
    expect(stderr).toContain('Wrote out/check.sarif.');
    const text = readFileSync(join(at.project, 'out/check.sarif'), 'utf8');
    assertGolden('commands/check-wrong.sarif', text);
    assertSarif(JSON.parse(text));
    expect(text).not.toMatch(/\\u001b|\]\(/);
  });

  test('as SARIF, from a file whose name a URI cannot hold as it is', async () => {
    mkdirSync(join(at.project, 'my plans'), { recursive: true });
    write('my plans/100%.plan.yaml', WRONG);
    await at.run(['check', 'my plans/100%.plan.yaml', '--sarif', 'check.sarif']);
    const log = JSON.parse(readFileSync(join(at.project, 'check.sarif'), 'utf8'));
    assertSarif(log);
    expect(log.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri).toBe(
      'my%20plans/100%25.plan.yaml',
    );
  });

  test('SARIF of a valid plan has no results, and so clears what was found before', async () => {
    await at.run(['check', PLAN, '--sarif', 'check.sarif']);
    const log = JSON.parse(readFileSync(join(at.project, 'check.sarif'), 'utf8'));
    assertSarif(log);
    expect(log.runs[0].results).toEqual([]);
  });
});

/** The members that the published schema of SARIF 2.1.0 requires of what is written here, with their types and enumerations. */
const SARIF = {
  type: 'object',
  required: ['version', 'runs'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', format: 'uri' },
    version: { enum: ['2.1.0'] },
    runs: {
      type: 'array',
      items: {
        type: 'object',
        required: ['tool'],
        additionalProperties: false,
        properties: {
          tool: {
            type: 'object',
            required: ['driver'],
            properties: {
              driver: {
                type: 'object',
                required: ['name'],
                additionalProperties: false,
                properties: {
                  name: { type: 'string' },
                  version: { type: 'string' },
                  rules: {
                    type: 'array',
                    uniqueItems: true,
                    items: {
                      type: 'object',
                      required: ['id'],
                      additionalProperties: false,
                      properties: {
                        id: { type: 'string' },
                        shortDescription: {
                          type: 'object',
                          required: ['text'],
                          properties: { text: { type: 'string' } },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
          columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
          results: {
            type: 'array',
            items: {
              type: 'object',
              required: ['message'],
              additionalProperties: false,
              properties: {
                ruleId: { type: 'string' },
                ruleIndex: { type: 'integer', minimum: -1 },
                level: { enum: ['none', 'note', 'warning', 'error'] },
                message: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
                locations: {
                  type: 'array',
                  items: {
                    type: 'object',
                    additionalProperties: false,
                    properties: {
                      physicalLocation: {
                        type: 'object',
                        additionalProperties: false,
                        required: ['artifactLocation'],
                        properties: {
                          artifactLocation: {
                            type: 'object',
                            properties: { uri: { type: 'string', pattern: "^[A-Za-z0-9%._~!$&'()*+,;=:@/-]+$" } },
                          },
                          region: {
                            type: 'object',
                            properties: {
                              startLine: { type: 'integer', minimum: 1 },
                              startColumn: { type: 'integer', minimum: 1 },
                            },
                          },
                        },
                      },
                      logicalLocations: {
                        type: 'array',
                        items: {
                          type: 'object',
                          properties: { fullyQualifiedName: { type: 'string' }, kind: { type: 'string' } },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
};

function assertSarif(log: {
  runs: { tool: { driver: { rules: { id: string }[] } }; results: { ruleId: string; ruleIndex: number }[] }[];
}): void {
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(SARIF);
  expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
  const [run] = log.runs;
  for (const { ruleId, ruleIndex } of run!.results) expect(run!.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
}

describe('tools and environments', () => {
  test('without pins calls are not checked, and that is said', async () => {
    const empty = makeProject();
    rmSync(join(empty.project, 'tools.lock.json'));
    const { status, stdout, stderr } = await empty.run(['check', PLAN]);
    empty.remove();
    expect(status).toBe(0);
    expect(stdout).toContain('TOOLS_NOT_PINNED');
    expect(stderr).toContain('No tool is pinned, so calls were not checked.');
  });

  test('a tools lock that is none is one problem among the others', async () => {
    const broken = makeProject();
    writeFileSync(join(broken.project, 'tools.lock.json'), '{"tools":1,"tools":2}');
    writeFileSync(join(broken.project, PLAN), good().replace('min: 5', 'min: 50'));
    const { status, stdout } = await broken.run(['check', PLAN, '--json']);
    broken.remove();
    expect(status).toBe(2);
    const { problems } = JSON.parse(stdout);
    const codes = problems.map(({ code, file }: { code: string; file: string }) => [code, file]);
    expect(codes).toEqual([
      ['VARIABLE', PLAN],
      ['TOOLS_NOT_PINNED', PLAN],
      ['TOOLS_INVALID', 'tools.lock.json'],
    ]);
  });

  test('files of a project that are no plans are refused by name', async () => {
    for (const [file, what] of [
      ['plans/beam-small.lock.json', 'is a lock, not a plan'],
      ['tools.lock.json', 'is a lock, not a plan'],
      ['tools.yaml', 'is a tools file, not a plan'],
    ]) {
      const { status, stdout, stderr } = await at.run(['check', file!]);
      expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining(what!)]);
    }
  });

  test('a tools file that says something else than the pins is told: the pins count', async () => {
    const declared = makeProject();
    const beam = readFileSync(new URL('../../examples/beam/tools.yaml', import.meta.url), 'utf8');
    const same = beam.replace(/ +files:.*\n( +- .*\n)+/, '').replaceAll('BEAM/', 'examples/beam/'); // as it was pinned
    const warned = async (tools: string): Promise<string[]> => {
      writeFileSync(join(declared.project, 'tools.yaml'), tools);
      const { stdout } = await declared.run(['check', PLAN, '--format', 'gcc']);
      return stdout.split('\n').filter((line) => line.startsWith('tools.yaml'));
    };
    expect(await warned(same)).toEqual([]);
    const told = [
      'tools.yaml:4:3: warning: The tools file says something else of `beam` than what is pinned. Run `expctl tools pin beam`. [TOOLS_NOT_PINNED]',
    ];
    expect(await warned(same.replace('solve.fetch: { effect: pure }', 'solve.fetch: { effect: once }'))).toEqual(told);
    expect(await warned(same.replace('key: { argument: idempotency_key }', 'key: { argument: design_id }'))).toEqual(
      told,
    );
    expect(await warned(same.replace('[node, ', '[nodejs, '))).toEqual(told);
    expect(await warned(same.replace('mcp:', 'process:'))).toEqual([]); // not a tools file: `argv` is missing
    expect(await warned(same.replace(/ +version: \{ call: version \}.*\n/, ''))).toEqual(told);
    expect(await warned(`${same}  more: { mcp: { command: [node] }, calls: {} }\n`)).toHaveLength(1);
    declared.remove();
  });

  test('an environment bounds the pools', async () => {
    mkdirSync(join(at.project, 'environments'), { recursive: true });
    write('environments/small.yaml', 'pools: { cores: 0.5 }\n');
    const { status, stdout } = await at.run(['check', PLAN, '--env', 'small']);
    expect(status).toBe(2);
    expect(stdout).toContain('The step needs 1 of `cores`, but there are 0.5: it would wait for ever.');
  });

  test('problems of the environment are shown with their lines', async () => {
    write('environments/wrong.yaml', 'class: prod\npools: { cores: two }\n');
    const { status, stdout } = await at.run(['check', PLAN, '--env', 'wrong', '--format', 'gcc']);
    expect(status).toBe(2);
    expect(stdout).toContain('environments/wrong.yaml:1:8: error: `class` is "prod".');
    expect(stdout).toContain('environments/wrong.yaml:2:17: error: `pools.cores` is "two", not a number.');
  });

  test.each([
    ['nowhere', 'There is no environment `nowhere`.'],
    ['../plans/x', '`../plans/x` is not the name of an environment.'],
  ])('an environment %s', async (name, message) => {
    const { status, stdout, stderr } = await at.run(['check', PLAN, '--env', name]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test('a table of points is read beside the plan, and nothing outside its folder is opened', async () => {
    const plan = (file: string): string =>
      good().replace('latin_hypercube: { points: 6, seed: 7, optimize: maximin }', `table: { file: ${file} }`);
    write('plans/points.csv', 'width,height\n5,9\n6,9\n');
    write('plans/table.plan.yaml', plan('points.csv'));
    expect((await at.run(['check', 'plans/table.plan.yaml'])).stdout).toContain('at most 2 points');
    write('secret.csv', 'width,height\n5,9\n');
    write('plans/table.plan.yaml', plan('../secret.csv'));
    const app = at.app();
    const opened: string[] = [];
    const { read } = app.app.files;
    Object.assign(app.app.files, {
      read: (path: string) => {
        opened.push(path);
        return read(path);
      },
    });
    const { status, stdout } = await app.run(['check', 'plans/table.plan.yaml']);
    expect(status).toBe(2);
    expect(stdout).toContain("`../secret.csv` is not a path below the plan's folder.");
    expect(opened.filter((path) => path.includes('secret'))).toEqual([]);
  });
});

describe('what is no plan', () => {
  test.each([
    ['a file that is not there', ['check', 'none.plan.yaml'], 'none.plan.yaml cannot be read: there is no such file.'],
    ['a folder', ['check', 'plans'], 'plans cannot be read: it is a folder.'],
    ['no file named', ['check'], "Missing required argument 'plan'."],
    ['an unknown form', ['check', PLAN, '--format', 'xml'], 'Allowed choices are text, gcc.'],
  ])('%s', async (_, args, message) => {
    const { status, stdout, stderr } = await at.run(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test('a failure under --json is one document too', async () => {
    const { status, stdout } = await at.run(['check', 'none.plan.yaml', '--json']);
    expect(status).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});

describe('hostile files get a clear error at once', () => {
  const more: [name: string, text: string, code: string][] = [
    ['an alias', 'a: &x 1\nb: *x\n', 'ANCHOR'],
    ['a tag', 'a: !!js/function "x"\n', 'TAG'],
    ['a merge key', 'a: { <<: { b: 1 } }\n', 'UNKNOWN_KEY'],
    ['a key twice', 'expctl: 1\nexpctl: 1\n', 'DUPLICATE_KEY'],
    ['not a number', 'expctl: .nan\n', 'NUMBER_NOT_FINITE'],
    ['infinity', 'expctl: .inf\n', 'NUMBER_NOT_FINITE'],
    ['1e400', 'expctl: 1e400\n', 'NUMBER_NOT_FINITE'],
    ['an integer past 2^53', 'expctl: 9007199254740993\n', 'NUMBER_NOT_EXACT'],
    ['__proto__', '__proto__: { expctl: 1 }\n', 'KEY_FORBIDDEN'],
    ['constructor', 'variables: { constructor: { prototype: 1 } }\n', 'KEY_FORBIDDEN'],
    ['two documents', 'a: 1\n---\nb: 2\n', 'MULTIPLE_DOCUMENTS'],
    ['nothing', '', 'EMPTY_FILE'],
    ['a list', '[1, 2]', 'WRONG_TYPE'],
    ['a byte-order mark', '\ufeffexpctl: 1\n', 'BYTE_ORDER_MARK'],
  ];

  test.each(more)('%s', async (_, text, code) => {
    write('hostile.plan.yaml', text);
    const { status, stdout, stderr } = await at.run(['check', 'hostile.plan.yaml', '--json']);
    expect({ status, stderr }).toEqual({ status: 2, stderr: '' });
    const { problems } = JSON.parse(stdout);
    expect(problems.map((problem: { code: string }) => problem.code)).toContain(code);
  });

  test('every hostile file of the reader, shown to a person: exit 2, no stack trace, little output', async () => {
    const files = HOSTILE.filter(({ code }) => code !== undefined);
    expect(files.length).toBeGreaterThan(60);
    for (const { name, text, code } of files) {
      write('hostile.plan.yaml', text());
      const before = process.cpuUsage();
      const { status, stdout, stderr } = await at.run(['check', 'hostile.plan.yaml']);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1e6, `${name}: seconds of work`).toBeLessThan(3);
      expect(status, name).toBe(2);
      expect(stdout, name).toContain(code);
      expect(stdout + stderr, name).not.toMatch(/\n\s+at |Error:/);
      expect(stdout.length, name).toBeLessThan(60_000);
    }
  }, 240_000);
});
