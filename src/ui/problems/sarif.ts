import type { Problem } from '../../ir/problem.ts';
import { safeText } from '../safe-text.ts';

/*
 * SARIF 2.1.0 (OASIS, errata 01): what code-scanning services read. Only the members that say something are written.
 */

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** Problems as one SARIF log with one run. Files are named relative to the folder in which the command ran. */
export function sarifText(problems: readonly Problem[], version: string): string {
  const codes = [...new Set(problems.map(({ code }) => code))].sort();
  const log = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'expctl', version, rules: codes.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results: problems.map((problem) => resultOf(problem, codes.indexOf(problem.code))),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf(code: string): object {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return { id: code, shortDescription: { text: `${words.charAt(0).toUpperCase()}${words.slice(1)}.` } };
}

function resultOf({ code, severity, message, fix, file, line, column, pointer }: Problem, ruleIndex: number): object {
  return {
    ruleId: code,
    ruleIndex,
    level: severity,
    message: { text: messageText(`${message} ${fix}`) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file) },
          region: { startLine: line, startColumn: column },
        },
        ...(pointer === '' ? {} : { logicalLocations: [{ fullyQualifiedName: pointer, kind: 'member' }] }),
      },
    ],
  };
}

/** Text of the plan may be in it: no control characters, and no embedded link (SARIF 2.1.0, section 3.11.6). */
function messageText(text: string): string {
  return safeText(text).replaceAll('](', '] (');
}

/** A path as a URI reference (RFC 3986): relative stays relative, so that a service finds it in the repository. */
function uriOf(file: string): string {
  const uri = file
    .replaceAll('\\', '/')
    .split('/')
    .map((part) => encodeURIComponent(part))
    .join('/');
  return uri.startsWith('/') ? `file://${uri}` : uri;
}
