/** The report's only style; the page's policy allows exactly these bytes. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --ink: #16202b; --soft: #5b6875; --line: #dfe4ea; --paper: #ffffff; --panel: #f6f8fa;
  --good: #0f7b4f; --bad: #b3261e; --warn: #9a6700; --accent: #1f5fbf; --front: #8a5cd1; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf0; --soft: #9aa7b4; --line: #2c3743; --paper: #10161d; --panel: #18212b;
    --good: #4ac38c; --bad: #ff7b72; --warn: #e3b341; --accent: #6ea8fe; --front: #b794f6; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 36px 28px 64px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 40px 0 12px; padding-bottom: 6px; border-bottom: 1px solid var(--line); }
p { margin: 0 0 10px; }
.goal { font-size: 17px; color: var(--soft); margin-bottom: 18px; max-width: 75ch; }
code, .digest { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.verdict { border: 1px solid var(--line); border-left: 5px solid var(--good); background: var(--panel); border-radius: 6px; padding: 12px 16px; margin: 0 0 20px; }
.verdict.broken { border-left-color: var(--bad); }
.verdict.unsure { border-left-color: var(--warn); }
.verdict strong { font-size: 16px; }
.verdict ul { margin: 6px 0 0; padding-left: 20px; color: var(--soft); font-size: 13.5px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; margin: 0 0 8px; padding: 0; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 10px 14px; }
.tile dt { color: var(--soft); font-size: 12px; text-transform: uppercase; letter-spacing: 0.05em; }
.tile dd { margin: 2px 0 0; font-size: 20px; font-weight: 600; line-height: 1.25; overflow-wrap: anywhere; }
.tile dd small { display: block; font-size: 13px; font-weight: 400; color: var(--soft); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 18px; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: 12px 12px 8px; }
figcaption { font-weight: 600; font-size: 14px; margin: 0 4px 4px; }
.figure { width: 100%; height: auto; display: block; }
.figure text { fill: var(--soft); font-size: 12px; }
.figure .axis { fill: var(--ink); font-size: 13px; }
.figure .label { font-size: 10.5px; }
.figure .grid { stroke: var(--line); }
.figure .frame { stroke: var(--soft); fill: none; }
.figure .limit { stroke: var(--bad); stroke-dasharray: 5 4; }
.figure .limit-text { fill: var(--bad); }
.figure .front { stroke: var(--front); fill: none; stroke-width: 1.5; stroke-dasharray: 2 3; }
.feasible circle { fill: var(--good); stroke: var(--good); }
.infeasible circle { fill: none; stroke: var(--soft); stroke-width: 1.6; }
.failed path { stroke: var(--bad); stroke-width: 1.8; fill: none; }
.pareto circle { stroke: var(--front); stroke-width: 2.4; }
.figure circle.best { fill: none; stroke: var(--accent); stroke-width: 1.8; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); font-size: 13px; margin: 8px 0 0; padding: 0; list-style: none; }
.legend svg { display: inline-block; width: 18px; height: 18px; vertical-align: -4px; margin-right: 4px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 5px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.number:first-child, th.number:first-child { width: 1%; }
td > span { white-space: nowrap; }
td.when { white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.top td { background: var(--panel); font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .soft { color: var(--soft); }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 12px 14px; overflow-x: auto; margin: 8px 0; }
footer { margin-top: 44px; padding-top: 12px; border-top: 1px solid var(--line); color: var(--soft); font-size: 13px; }
@media print { main { max-width: none; padding: 0; } h2 { break-after: avoid; } tr, figure, .tile, .verdict { break-inside: avoid; } }
`;
