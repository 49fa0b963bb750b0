#include "report/sections.h"

namespace lathe::report {

// Colours of searches: Okabe and Ito's palette for all kinds of colour vision, lighter
// on a dark page. The font is the reader's own.
const char kStyle[] = R"css(
:root {
  --ink: #1b2026; --soft: #5c6670; --faint: #8b95a0; --line: #dfe3e8; --grid: #edf0f3;
  --page: #ffffff; --panel: #f6f8fa; --accent: #0a5fb4; --good: #00704e; --bad: #b3401a;
  --bar: #9cc3ea; --band: #cfe3f7;
  --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b0568e; --s4: #a07d00; --s5: #555f69;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6eaee; --soft: #a4aeb8; --faint: #77828d; --line: #343c45; --grid: #262d34;
    --page: #14181c; --panel: #1c2126; --accent: #6cb6ff; --good: #43c59e; --bad: #ff8f63;
    --bar: #2f5f8f; --band: #24405c;
    --s0: #56b4e9; --s1: #ff9a4d; --s2: #2fc79a; --s3: #e39ac4; --s4: #e6c64d; --s5: #aab4be;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body {
  margin: 0; background: var(--page); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 36px; }
h1 { font-size: 30px; letter-spacing: -0.02em; margin: 0; }
header p { margin: 2px 0 10px; color: var(--soft); }
nav a { margin-right: 18px; }
h2 { font-size: 21px; letter-spacing: -0.01em; margin: 44px 0 8px; }
h3 { font-size: 18px; margin: 0; }
h3 span {
  display: inline-block; min-width: 26px; margin-right: 9px; padding: 0 7px; text-align: center;
  border-radius: 13px; background: var(--accent); color: var(--page); font-size: 14px;
  line-height: 26px; vertical-align: 1px;
}
h4 { font-size: 14px; margin: 16px 0 6px; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
small { color: var(--soft); font-size: 12px; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 12.5px; }
pre {
  background: var(--panel); border: 1px solid var(--line); border-radius: 6px; margin: 0;
  padding: 10px 12px; overflow: auto; max-height: 430px; line-height: 1.45;
}
.note, .kind { color: var(--soft); margin: 4px 0 10px; }
.kind { font-size: 12.5px; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 12px; margin: 22px 0 0; }
.figures div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px; }
.figures b { display: block; font-size: 22px; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); font-size: 12.5px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th {
  text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; white-space: nowrap;
  border-bottom: 1.5px solid var(--line); padding: 6px 9px; vertical-align: bottom;
}
td { border-bottom: 1px solid var(--line); padding: 6px 9px; vertical-align: top; }
tbody tr:hover { background: var(--panel); }
.num { text-align: right; white-space: nowrap; }
td small { display: block; line-height: 1.3; }
td.name { min-width: 170px; font-weight: 600; }
td.name small { font-weight: 400; }
td.when { white-space: nowrap; }
.none { color: var(--faint); }
.fastest, .wins b { font-weight: 700; color: var(--good); }
.loses b { color: var(--bad); }
.bar { display: inline-block; width: 54px; height: 8px; margin-right: 7px; border-radius: 4px; background: var(--grid); overflow: hidden; }
.bar span { display: block; height: 8px; background: var(--bar); }
.status { white-space: nowrap; margin-right: 6px; }
.bad { color: var(--bad); }
.task { border-top: 1px solid var(--line); padding: 24px 0 12px; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px 28px; }
@media (max-width: 820px) { .pair { grid-template-columns: minmax(0, 1fr); } }
figure { margin: 6px 0; }
figcaption { color: var(--soft); font-size: 12.5px; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 3px 14px; margin: 10px 0; font-size: 13.5px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
tr.promoted td { background: var(--panel); }
tr.promoted b { color: var(--good); }
details { margin: 12px 0; }
summary { cursor: pointer; color: var(--soft); font-size: 13.5px; }
details pre { white-space: pre-wrap; margin-top: 6px; }
footer { color: var(--soft); font-size: 12.5px; padding-top: 28px; padding-bottom: 40px; }
.plot { display: block; width: 100%; height: auto; overflow: visible; }
.plot text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
.plot .axis-label { font-size: 11.5px; }
.grid { stroke: var(--grid); fill: none; }
.axis { stroke: var(--faint); fill: none; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
.trial { stroke: none; opacity: 0.5; }
.promoted { stroke: var(--page); stroke-width: 1.2; }
.baseline { stroke: var(--soft); stroke-dasharray: 5 4; fill: none; }
.baseline.naive { stroke-dasharray: 1.5 3; }
.plot .baseline-label { fill: var(--soft); }
.abandoned { stroke: var(--faint); stroke-width: 1.4; fill: none; }
.failed { stroke: var(--bad); stroke-width: 1.8; fill: none; }
.curve.s0 { stroke: var(--s0); } .trial.s0, path.promoted.s0 { fill: var(--s0); }
.curve.s1 { stroke: var(--s1); stroke-dasharray: 8 2; } .trial.s1, path.promoted.s1 { fill: var(--s1); }
.curve.s2 { stroke: var(--s2); stroke-dasharray: 3 2; } .trial.s2, path.promoted.s2 { fill: var(--s2); }
.curve.s3 { stroke: var(--s3); stroke-dasharray: 10 2 2 2; } .trial.s3, path.promoted.s3 { fill: var(--s3); }
.curve.s4 { stroke: var(--s4); stroke-dasharray: 5 2; } .trial.s4, path.promoted.s4 { fill: var(--s4); }
.curve.s5 { stroke: var(--s5); stroke-dasharray: 2 2; } .trial.s5, path.promoted.s5 { fill: var(--s5); }
.legend { margin: 0 0 6px; font-size: 12.5px; color: var(--soft); }
.legend span { margin-right: 16px; white-space: nowrap; }
.key { height: 11px; vertical-align: -1px; margin-right: 5px; overflow: visible; }
.roof { stroke: var(--ink); stroke-width: 1.6; fill: none; opacity: 0.75; }
.plot .roof-label { fill: var(--ink); font-size: 11.5px; }
.stem { stroke: var(--s0); stroke-width: 1; stroke-dasharray: 2 3; fill: none; opacity: 0.7; }
.bound { stroke: var(--s0); stroke-width: 1.6; fill: none; }
.point { fill: var(--s0); stroke: var(--page); stroke-width: 1; }
.point.hollow { fill: var(--page); stroke: var(--s0); stroke-width: 1.8; }
.plot .number { fill: var(--ink); font-size: 10.5px; }
.samples { max-width: 460px; }
.interval { fill: var(--band); }
.sample { fill: var(--s0); opacity: 0.75; }
.median { stroke: var(--s1); stroke-width: 1.8; fill: none; }
.sortable th { cursor: pointer; }
@media print {
  body { font-size: 10.5pt; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  nav, details { display: none; }
  a { color: inherit; }
  pre { max-height: none; white-space: pre-wrap; }
  .wide { overflow: visible; }
  figure, tr, dl, .pair { break-inside: avoid; }
  h2, h3, h4 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

// No character that XML would take for markup.
const char kScript[] = R"js(
document.querySelectorAll("table.sortable th").forEach(function (head) {
  head.addEventListener("click", function () {
    var body = head.closest("table").tBodies[0], at = head.cellIndex;
    var sign = head.dataset.sign === "1" ? -1 : 1;
    head.dataset.sign = String(sign);
    var key = function (row) {
      var cell = row.cells[at];
      return cell === undefined ? "" : cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
    };
    Array.from(body.rows).sort(function (a, b) {
      var x = key(a), y = key(b);
      return sign * (typeof x === "number" ? x - y : String(x).localeCompare(String(y)));
    }).forEach(function (row) { body.appendChild(row); });
  });
});
)js";

}  // namespace lathe::report
