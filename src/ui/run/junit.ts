import { eventOf, type JournalRow, type PointResult } from '../../ir/events.ts';

interface TestCase {
  readonly point: number;
  readonly result: PointResult;
  readonly seconds: number;
}

/**
 * A run as a JUnit report, for CI: a test case for each point; a failed one is a failure, a cancelled one is skipped. A run that
 * itself failed is one more case.
 *
 * Source: the JUnit XML schema that Jenkins and GitLab read (testsuites, testsuite, testcase, failure, skipped).
 */
export class JunitReport {
  readonly #run: string;
  readonly #name: string;
  readonly #began = new Map<number, number>();
  /** By point: one that was tried again counts as it ended last. */
  readonly #cases = new Map<number, TestCase>();
  #end: { status: string; reason: string } | null = null;

  constructor(run: string, name: string) {
    this.#run = run;
    this.#name = name;
  }

  onRow(row: JournalRow): void {
    if (row.type !== 'point.started' && row.type !== 'point.finished' && row.type !== 'run.finished') return;
    const event = eventOf(row);
    if (event.type === 'point.started') {
      this.#began.set(event.point, row.wall_ms);
    } else if (event.type === 'point.finished') {
      const { point, result } = event;
      const began_ms = this.#began.get(point) ?? row.wall_ms;
      this.#began.delete(point);
      this.#cases.set(point, { point, result, seconds: Math.max(0, row.wall_ms - began_ms) / 1000 });
    } else if (event.type === 'run.finished') {
      this.#end = { status: event.status, reason: event.reason };
    }
  }

  text(): string {
    const cases = [...this.#cases.values()].sort((a, b) => a.point - b.point);
    const runFailed = this.#end !== null && (this.#end.status === 'failed' || this.#end.status === 'cancelled');
    const failures = cases.filter(({ result }) => result.status === 'failed').length + (runFailed ? 1 : 0);
    const skipped = cases.filter(({ result }) => result.status === 'cancelled').length;
    const tests = cases.length + (runFailed ? 1 : 0);
    const time = cases.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3);
    const counts = `tests="${tests}" failures="${failures}" skipped="${skipped}" time="${time}"`;
    const suite = `${this.#name} ${this.#run}`;
    return [
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<testsuites name="expctl" ${counts}>`,
      `  <testsuite name="${escaped(suite)}" ${counts} errors="0">`,
      ...cases.map((one) => this.#caseText(one)),
      ...(runFailed ? [this.#runText()] : []),
      '  </testsuite>',
      '</testsuites>',
      '',
    ].join('\n');
  }

  #caseText({ point, result, seconds }: TestCase): string {
    const head = `    <testcase classname="${escaped(this.#name)}" name="point ${point}" time="${seconds.toFixed(3)}"`;
    if (result.status === 'succeeded') return `${head}/>`;
    if (result.status === 'cancelled') return `${head}><skipped/></testcase>`;
    const { step, class: kind, message } = result.failure ?? { step: '', class: 'failed', message: '' };
    const text = `${step}: ${message}`;
    return `${head}><failure type="${escaped(kind)}" message="${escaped(text)}"/></testcase>`;
  }

  #runText(): string {
    const { status, reason } = this.#end!;
    const failure = `<failure type="${status}" message="${escaped(reason)}"/>`;
    return `    <testcase classname="${escaped(this.#name)}" name="run" time="0.000">${failure}</testcase>`;
  }
}

/** XML 1.0 holds no control characters, even escaped ones (section 2.2). */
function escaped(text: string): string {
  const named: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}')
    .replace(/[&<>"]/g, (character) => named[character]!)
    .replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
