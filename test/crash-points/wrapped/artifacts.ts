import * as real from '../../../src/adapters/artifacts.ts';
import type { ArtifactStore } from '../../../src/engines/ports.ts';
import { counted } from './operations.ts';
import { planted } from './planted.ts';

export function openArtifacts(...args: Parameters<typeof real.openArtifacts>): ArtifactStore {
  return counted('artifacts', planted.artifacts(real.openArtifacts(...args)));
}
