/*
 * A reporter for vitest that writes what the scripts tell at the end: how many tests passed and failed, and which were skipped. The
 * file's name comes in EXPCTL_TEST_SUMMARY.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import process from 'node:process';

export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.EXPCTL_TEST_SUMMARY;
    if (file === undefined) return;
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const state = (wanted) => tests.filter((test) => test.result().state === wanted);
    // A file or a suite whose set-up fails has no failed test; it is one failure all the same.
    const broken = modules
      .flatMap((module) => [module, ...module.children.allSuites()])
      .filter((part) => part.errors().length > 0);
    const summary = {
      passed: state('passed').length,
      failed: state('failed').length + state('pending').length + broken.length + unhandledErrors.length,
      skipped: state('skipped').map((test) => ({
        file: relative(process.cwd(), test.module.moduleId),
        name: test.fullName,
        note: test.result().note ?? null,
      })),
    };
    writeFileSync(file, JSON.stringify(summary));
  }
}
