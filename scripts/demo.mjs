/*
 * `npm run demo`: installs what is missing, builds, and takes the beam of plans/beam.plan.yaml through the whole path. Public
 * commands only: each is printed before it runs, and can be typed again by hand in the project that is left behind.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { ensureBuilt, ensureInstalled, main, ROOT, SetUpError } from './lib.mjs';

const USAGE = `npm run demo [-- --dir FOLDER] [-- --plain]

  --dir FOLDER  where the demo is made (default: demo); an earlier demo there is replaced
  --plain       no screens, as without a terminal
`;
const EXPCTL = join(ROOT, 'bin', 'expctl.js');
const LOCK = 'plans/beam.lock.json';
const PERSON = 'you@example.org';

await main(async (args) => {
  if (args.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  ensureInstalled();
  ensureBuilt();
  const at = args.indexOf('--dir');
  const folder = resolve(at === -1 ? join(ROOT, 'demo') : (args[at + 1] ?? 'demo'));
  const plain = args.includes('--plain') || !process.stdin.isTTY || !process.stdout.isTTY || Boolean(process.env.CI);
  return demo(makeDemo(folder), plain);
});

/** The folders of an operator, who holds key and trust policy, and of a project, which holds all else. */
function makeDemo(folder) {
  const marker = join(folder, '.expctl-demo');
  if (existsSync(folder) && !existsSync(marker)) {
    throw new SetUpError(`${folder} is there and is no demo: give another folder with --dir, or remove it.`);
  }
  rmSync(folder, { recursive: true, force: true });
  const project = join(folder, 'project');
  const operator = join(folder, 'operator');
  mkdirSync(join(project, 'plans'), { recursive: true });
  mkdirSync(operator, { mode: 0o700 });
  writeFileSync(marker, 'Made by `npm run demo`, which replaces it.\n');
  const server = relative(project, join(ROOT, 'examples', 'beam'));
  const tools = readFileSync(join(ROOT, 'examples', 'beam', 'tools.yaml'), 'utf8');
  writeFileSync(
    join(project, 'tools.yaml'),
    tools.replaceAll(/BEAM\/[a-z-]+\.js/g, (path) => JSON.stringify(path.replace('BEAM', server))),
  );
  for (const plan of ['beam.plan.yaml', 'beam-small.plan.yaml']) {
    copyFileSync(join(ROOT, 'plans', plan), join(project, 'plans', plan));
  }
  mkdirSync(join(project, 'schema'));
  const schema = 'plan.v1.draft-07.schema.json';
  if (existsSync(join(ROOT, 'schema', schema)))
    copyFileSync(join(ROOT, 'schema', schema), join(project, 'schema', schema));
  return { folder, project, operator };
}

async function demo({ folder, project, operator }, plain) {
  const key = relative(project, join(operator, 'lead.key'));
  const trust = relative(project, join(operator, 'trust.json'));
  const signing = ['--key', key, '--trust', trust];
  const begin = Date.now();
  const expctl = (...args) => step(project, args, { allowed: [0] });

  title('Who may sign: a key, and a trust policy that the project cannot reach');
  await expctl('keys', 'new', key);
  await expctl('trust', 'init', '--person', PERSON, '--key', key, '--solo', '--allow-without-terminal', '-o', trust);

  title('The tools: what they promise is learned once, and pinned');
  await expctl('tools', 'pin');

  title('The plan is data: checked, then locked to the exact bytes that will run');
  await expctl('check', 'plans/beam.plan.yaml');
  await expctl('lock', 'plans/beam.plan.yaml');

  title('A person reviews the lock and signs it');
  if (plain) {
    await expctl('review', LOCK, '--plain', '--trust', trust);
    await expctl('approve', LOCK, ...signing, '--comment', 'demo');
  } else {
    await expctl('review', LOCK, ...signing);
    if ((await step(project, ['verify', LOCK, '--trust', trust], { allowed: [0, 3] })) === 3) {
      say(`You left the review without approving, so nothing runs. Go on by hand: cd ${shown(project)}`);
      return 3;
    }
  }

  title('The run: exactly what was signed, every step in the journal; it stops at the gate');
  await step(project, ['run', LOCK, '--trust', trust], { allowed: [5] });

  title('The gate: a second signed decision, on the evidence so far');
  await step(project, ['gate'], { allowed: [5] });
  await expctl('gate', '--outcome', 'continue', ...signing);
  await expctl('resume', '--trust', trust);

  title('Where every number comes from, and the proof that nothing else happened');
  await expctl('status');
  const best = bestPoint(project);
  await expctl('trace', `mass@${best}`);
  await expctl('replay', '--trust', trust);
  await expctl('report', '-o', 'report.html', '--trust', trust);

  closing({ folder, project, key, trust, best, seconds: (Date.now() - begin) / 1000 });
  return 0;
}

/** Prints the command as it would be typed, and runs it; ends the demo if it fails. */
function step(cwd, args, { allowed }) {
  process.stderr.write(`\n\u001b[1m$ expctl ${args.map(quoted).join(' ')}\u001b[0m\n`);
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [EXPCTL, ...args], { cwd, stdio: 'inherit' });
    child.once('error', fail);
    child.once('close', (status, signal) => {
      if (allowed.includes(status)) return done(status);
      const how = signal === null ? `status ${status}` : signal;
      fail(new SetUpError(`\`expctl ${args.join(' ')}\` ended with ${how}; the demo stops here. Its project: ${cwd}`));
    });
  });
}

/** What a command says as data. */
function ask(cwd, args) {
  const child = spawnSync(process.execPath, [EXPCTL, ...args, '--json'], { cwd, encoding: 'utf8' });
  return JSON.parse(child.stdout);
}

function bestPoint(project) {
  return ask(project, ['status']).best.point;
}

function closing({ project, key, trust, best, seconds }) {
  say(`
────────────────────────────────────────────────────────────────────────────────
Done in ${Math.round(seconds)} s. Everything is in ${shown(project)}: go there, with
\`expctl\` standing for \`node ${relative(resolve(project), EXPCTL)}\`, and look:

  expctl status --points        all points and their metrics
  ${`expctl trace mass@${best}`.padEnd(28)}  one number, back to what made it
  expctl export --csv           the results as a table
  report.html                   the same as a page
  plans/beam.lock.json          what was signed
  approvals/                    who signed it
  .expctl/                      journal and artifacts: the evidence

Change a number in plans/beam.plan.yaml, then:

  export EXPCTL_TRUST=${trust} EXPCTL_KEY=${key}
  expctl diff plans/beam.plan.yaml     what differs from what was approved
  expctl lock plans/beam.plan.yaml
  expctl run ${LOCK}      refused: nobody signed these bytes
  expctl review ${LOCK}
────────────────────────────────────────────────────────────────────────────────`);
}

function title(text) {
  say(`\n\u001b[36m── ${text} ${'─'.repeat(Math.max(0, 76 - text.length))}\u001b[0m`);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function shown(path) {
  const short = relative(process.cwd(), path);
  return short === '' ? '.' : short.length < path.length ? short : path;
}

function quoted(word) {
  return /^[A-Za-z0-9_./:@=+-]+$/.test(word) ? word : `'${word}'`;
}
