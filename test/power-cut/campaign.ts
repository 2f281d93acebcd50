import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Cut, imageAfter, linesToCut, type Variant, VARIANTS } from './cuts.ts';
import { Examination } from './examine.ts';
import { type Image, writeImage } from './image.ts';
import { Random } from './random.ts';
import { type Recording, scratchFolder } from './record.ts';
import { resumeHere } from './resume.ts';

export interface CampaignOptions {
  readonly recordings: readonly Recording[];
  /** Distinct images that are opened. */
  readonly images: number;
  readonly seed: number;
  /** Every so many images that hold a run, it is gone on with to its end. */
  readonly resume_every: number;
}

export interface Failure {
  readonly profile: string;
  readonly cut: Cut;
  readonly problems: readonly string[];
}

export interface Tally {
  images: number;
  /** Cuts that left what another one had left, before the same was told. */
  repeated: number;
  resumed: number;
  readonly variants: Record<Variant, number>;
  readonly failures: Failure[];
}

/**
 * Cuts the power of recorded processes, and opens what is left.
 *
 * Every sync point with every variant comes before any of them comes again with other chances; a campaign of fewer images takes some of
 * them, as the seed chooses.
 */
export async function campaign({ recordings, images, seed, resume_every }: CampaignOptions): Promise<Tally> {
  const variants = Object.fromEntries(VARIANTS.map((variant) => [variant, 0])) as Record<Variant, number>;
  const tally: Tally = { images: 0, repeated: 0, resumed: 0, variants, failures: [] };
  const seen = new Set<string>();
  let withRun = 0;
  const folder = scratchFolder();
  try {
    for (const [recording, cut] of cutsOf(recordings, seed)) {
      if (tally.images >= images) break;
      const image = imageAfter(recording.disk, cut, new Random(cut.seed));
      const told = recording.told.filter(({ line }) => line < cut.line);
      const identity = `${recordings.indexOf(recording)} ${told.length} ${digestOf(image)}`;
      if (seen.has(identity)) {
        tally.repeated += 1;
        continue;
      }
      seen.add(identity);
      const place = join(folder, String(tally.images));
      tally.images += 1;
      tally.variants[cut.variant] += 1;
      mkdirSync(place);
      writeImage(image, place);
      const examination = new Examination(place, recording, told);
      const problems = [...(await examination.examine(cut.seed % 2 === 0))];
      if (problems.length === 0 && told.some(({ kind }) => kind === 'row')) {
        withRun += 1;
        const resumed = withRun % resume_every === 0 ? await resumeHere(place, recording.profile) : null;
        if (resumed !== null) tally.resumed += 1;
        problems.push(...(resumed ?? []));
      }
      if (problems.length > 0) tally.failures.push({ profile: recording.profile, cut, problems });
      rmSync(place, { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return tally;
}

/** Endless; the variants that leave no chance come only in the first round. */
function* cutsOf(recordings: readonly Recording[], seed: number): Generator<[Recording, Cut]> {
  for (let round = 0; ; round += 1) {
    const random = new Random(seed + round);
    const variants = VARIANTS.filter((variant) => round === 0 || (variant !== 'synced' && variant !== 'everything'));
    const cuts = recordings.flatMap((recording) =>
      linesToCut(recording).flatMap((line) =>
        variants.map((variant) => [recording, { line, variant, seed: random.below(2 ** 31) }] as [Recording, Cut]),
      ),
    );
    yield* random.shuffled(cuts);
  }
}

function digestOf(image: Image): string {
  const hash = createHash('sha256');
  for (const [path, { bytes }] of image) {
    if (path.endsWith('-shm')) continue;
    hash.update(`${path}\0${bytes?.length ?? -1}\0`);
    if (bytes !== null) hash.update(bytes);
  }
  return hash.digest('hex');
}

/** For a failed assertion: what broke, and how to see it again. */
export function failuresText({ failures }: Tally, seed: number): string {
  const lines = failures.slice(0, 10).map(({ profile, cut, problems }) => {
    return `${profile}, line ${cut.line}, ${cut.variant}, seed ${cut.seed}: ${problems.slice(0, 3).join('; ')}`;
  });
  return [`${failures.length} images broke a promise (seed ${seed}):`, ...lines].join('\n');
}

export function tallyText(
  name: string,
  { images, repeated, resumed, variants, failures }: Tally,
  seed: number,
): string {
  const kinds = Object.entries(variants).map(([variant, count]) => `${variant} ${count}`);
  const counts = `${images} images (${kinds.join(', ')}; ${repeated} repeated ones left out), ${resumed} gone on with`;
  return `${name}, seed ${seed}: ${counts}, ${failures.length} broke a promise`;
}
