import { createHash } from 'node:crypto';
import { bestPoints } from '../../provenance/pareto.ts';
import type { ReportData } from '../../provenance/report.ts';
import { shownTime } from '../format.ts';
import { figuresSection } from './figures.ts';
import { html, raw } from './html.ts';
import {
  allPointsSection,
  bestSection,
  decisionsSection,
  failuresSection,
  originSection,
  summarySection,
  toolsSection,
  verdictSection,
  verifySection,
} from './sections.ts';
import { REPORT_STYLE } from './style.ts';

/**
 * A run as one page that needs nothing else: no script, no font, no picture, no address. The page's policy allows its own style, by
 * digest, and nothing more, so that no text of a plan or a tool could load or run anything even if it came through.
 */
export function reportPage(data: ReportData): string {
  const { lock, trace, points, made_ms, version } = data;
  const [best] = bestPoints(points, lock, 1);
  const style_sha256 = createHash('sha256').update(REPORT_STYLE).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${style_sha256}'; base-uri 'none'; form-action 'none'`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${raw(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${lock.name}: ${trace.run}</title>
<style>${raw(REPORT_STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>${lock.name}</h1>
<p class="goal">${lock.goal}</p>
</header>
${verdictSection(data)}
${summarySection(data)}
${bestSection(data)}
${figuresSection(points, lock, best?.point ?? null)}
${decisionsSection(data)}
${failuresSection(data)}
${allPointsSection(data)}
${originSection(data)}
${toolsSection(data)}
${verifySection(data)}
<footer>Made by expctl ${version}, ${shownTime(made_ms)}, from the journal of ${trace.run}.</footer>
</main>
</body>
</html>
`;
  return page.text;
}
