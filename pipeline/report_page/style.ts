/** Colours by what they stand for. Texts have a contrast of 4.5 to 1 or more on `--card` and `--ground`. */
const light = `
  --ground: #f5f6f8;
  --card: #ffffff;
  --line: #dde2e8;
  --text: #17212b;
  --muted: #55616d;
  --accent: #0f766e;
  --model: #0d7d74;
  --observed: #3a4fc4;
  --base: #8a96a3;
  --up: #0d7d74;
  --down: #c2510c;
  --none: #eef1f4;
  --rows: #e2e7ed;
  --good: #13663a;
  --good-ground: #dcf3e4;
  --fair: #7a4a00;
  --fair-ground: #fdeecb;
  --poor: #a01f14;
  --poor-ground: #fde3e0;
`;
const dark = `
  --ground: #0e1318;
  --card: #171e26;
  --line: #2b3540;
  --text: #e4e9ee;
  --muted: #a3afba;
  --accent: #35d0bf;
  --model: #2dc9b8;
  --observed: #94a6ff;
  --base: #7d8a97;
  --up: #2dc9b8;
  --down: #ff9352;
  --none: #202933;
  --rows: #2a3541;
  --good: #86e8a9;
  --good-ground: #12351f;
  --fair: #fbd27a;
  --fair-ground: #3b2c0a;
  --poor: #ffb1a8;
  --poor-ground: #46190f;
`;

/** The page's only style block: no style attribute is used, so that a policy can name it by its hash. */
export const style = `
:root {
  color-scheme: light;
${light}
  font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
${dark}
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--ground); color: var(--text); overflow-wrap: anywhere; }
h1, h2, h3, p, ul, figure { margin: 0; }
ul { padding: 0; list-style: none; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.92em; }

.page { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.5rem; max-width: 82rem; margin: 0 auto; padding: 2rem 1.5rem 3rem; }
.kind { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; color: var(--muted); font-size: 0.9rem; }
h1 { font-size: clamp(1.7rem, 4vw, 2.4rem); line-height: 1.15; font-weight: 700; letter-spacing: -0.01em; }
.model { margin-top: 0.3rem; color: var(--muted); font-size: 0.9rem; }
h2 { font-size: 1.45rem; line-height: 1.25; letter-spacing: -0.005em; }
h3 { font-size: 1.05rem; line-height: 1.35; }
.lead { max-width: 46rem; margin-top: 0.35rem; color: var(--muted); }
.clamped { display: inline-block; max-width: 100%; max-height: 4.5em; overflow: hidden; vertical-align: bottom; }

.verdict { margin-top: 1.2rem; padding: 1.1rem 1.3rem; border: 1px solid var(--line); border-left: 6px solid var(--base); border-radius: 12px; background: var(--card); }
.verdict.good { border-left-color: var(--good); }
.verdict.fair { border-left-color: var(--fair); }
.verdict.poor { border-left-color: var(--poor); }
.headline { font-size: 1.2rem; line-height: 1.45; }
.verdict p + p { margin-top: 0.6rem; color: var(--muted); font-size: 0.95rem; }
.grade { display: inline-block; padding: 0.05em 0.6em; border-radius: 1em; font-size: 0.8em; font-weight: 650; line-height: 1.5; white-space: nowrap; }
.grade.good { background: var(--good-ground); color: var(--good); }
.grade.fair { background: var(--fair-ground); color: var(--fair); }
.grade.poor { background: var(--poor-ground); color: var(--poor); }
.headline .grade { font-size: 0.85em; }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); gap: 1rem; margin-top: 1rem; }
.tiles li { padding: 0.9rem 1.1rem 1rem; border: 1px solid var(--line); border-radius: 12px; background: var(--card); }
.tiles h2 { color: var(--muted); font-size: 0.85rem; font-weight: 600; letter-spacing: 0; }
.tiles .value { margin: 0.1rem 0 0.3rem; font-size: 1.45rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles .value small { font-size: 0.55em; font-weight: 400; color: var(--muted); }
.tiles p { color: var(--muted); font-size: 0.87rem; }
.tiles .value, .tiles .value bdi { color: var(--text); }

nav ul { display: flex; flex-wrap: wrap; gap: 0.4rem; }
nav a { display: block; padding: 0.25rem 0.75rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); color: var(--text); font-size: 0.88rem; text-decoration: none; }
nav a:hover { border-color: var(--accent); color: var(--accent); }

section { margin-top: 1.6rem; }
section:first-of-type { margin-top: 0.4rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 1rem; margin-top: 0.9rem; }
.card { min-width: 0; padding: 1.1rem 1.2rem 1.2rem; border: 1px solid var(--line); border-radius: 12px; background: var(--card); }
.wide { grid-column: 1 / -1; }
figcaption p { margin-top: 0.3rem; font-size: 0.94rem; }
.plot { display: block; width: 100%; max-width: 520px; height: auto; margin: 0.7rem auto 0; overflow: visible; color: var(--muted); font-size: 12px; }
.plot text { white-space: pre; }
.stack .plot + .plot { margin-top: 0; }
.beside { display: grid; grid-template-columns: 260fr 140fr; column-gap: 0.5rem; max-width: 520px; margin: 0 auto; }
.legend { display: flex; flex-wrap: wrap; gap: 0.15rem 1rem; justify-content: center; margin-top: 0.5rem; color: var(--muted); font-size: 0.84rem; }
.legend li { display: inline-flex; align-items: center; gap: 0.4rem; }
.mark { flex: none; width: 0.8rem; height: 0.8rem; background: var(--mark); }
.mark.dot { width: 0.6rem; height: 0.6rem; border-radius: 50%; }
.mark.line { width: 1.2rem; height: 0; border-top: 3px solid var(--mark); background: none; }
.mark.dashed { border-top: 2px dashed var(--muted); }
.mark.area { border-radius: 2px; }
.mark.model { --mark: var(--model); }
.mark.observed { --mark: var(--observed); }
.mark.base { --mark: var(--base); }
.mark.up { --mark: var(--up); }
.mark.down { --mark: var(--down); }
.mark.none { --mark: var(--none); outline: 1px solid var(--line); }
.mark.rows { --mark: var(--rows); outline: 1px solid var(--line); }
.how { margin-top: 0.6rem; color: var(--muted); font-size: 0.84rem; }

.table { margin-top: 0.7rem; overflow-x: auto; max-height: 32rem; }
table { width: 100%; border-collapse: collapse; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { white-space: normal; overflow-wrap: normal; }
th:first-child { min-width: 6rem; max-width: 22rem; padding-left: 0; text-align: left; overflow-wrap: anywhere; }
th:first-child .name { display: block; max-height: 4.5em; overflow: hidden; }
thead th { position: sticky; top: 0; background: var(--card); color: var(--muted); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 500; }
details { margin-top: 0.7rem; font-size: 0.9rem; }
summary { color: var(--accent); cursor: pointer; }
.notes { display: grid; gap: 0.5rem; margin-top: 0.7rem; font-size: 0.92rem; }
.notes li { padding-left: 0.8rem; border-left: 3px solid var(--line); }
.notes .warning { border-left-color: var(--poor); }
footer { color: var(--muted); font-size: 0.85rem; }

@media (max-width: 30rem) {
  .page { padding: 1rem 0.75rem 2rem; gap: 1.1rem; }
  .card { padding: 0.9rem 0.8rem 1rem; }
  .verdict { padding: 0.9rem 1rem; }
  .headline { font-size: 1.08rem; }
  .plot { font-size: 13.5px; }
}
@media (min-width: 76rem) {
  .page.indexed { grid-template-columns: 11.5rem minmax(0, 1fr); gap: 1.5rem 2rem; }
  .page > header, .page > footer { grid-column: 1 / -1; }
  nav { position: sticky; top: 1rem; align-self: start; }
  nav ul { display: block; }
  nav a { padding: 0.35rem 0.6rem; border: 0; border-left: 2px solid var(--line); border-radius: 0; background: none; color: var(--muted); }
}
@media print {
  @page { margin: 14mm; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  :root { font-size: 11px; --ground: #ffffff; }
  nav { display: none; }
  .page, .page.indexed { display: block; max-width: none; padding: 0; }
  .cards { grid-template-columns: 1fr 1fr; }
  .card, .verdict, .tiles li { break-inside: avoid; }
  .card.wide, .card:has(details) { break-inside: auto; }
  .plot, figcaption, tr { break-inside: avoid; }
  /* A heading takes the room of what must follow it on its page. */
  section > h2 { break-inside: avoid; }
  section > h2::after { content: ""; display: block; height: 40rem; margin-bottom: -40rem; }
  .table { overflow: visible; max-height: none; }
  .card:not(.wide) table { font-size: 0.72rem; }
  .card:not(.wide) :is(th, td) { padding: 0.15rem 0.25rem; white-space: normal; }
  details::details-content { content-visibility: visible; height: auto; display: block; }
}
`;
