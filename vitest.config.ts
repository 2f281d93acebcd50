import { defineConfig } from 'vitest/config';

/** The suite of a newcomer: whatever needs nothing but Node, npm, git, Python 3 and a compiler. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    exclude: ['test/ci/**', 'test/soak/**', 'node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    maxWorkers: 2,
    env: { TZ: 'UTC', NO_COLOR: '1' },
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'html'] },
  },
});
