import * as real from '../../../src/adapters/files/artifacts.ts';
import type { ArtifactStore } from '../../../src/engines/ports.ts';
import { counted } from './operations.ts';
import { planted } from './planted.ts';

/** In place of the class: `new` of a function that returns an object gives that object. */
export function FileArtifacts(folder: string): ArtifactStore {
  return counted('artifacts', planted.artifacts(new real.FileArtifacts(folder)));
}
