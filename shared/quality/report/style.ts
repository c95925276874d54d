/** Style of the report's page, which has no other file: light and dark, from a telephone to paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#1a1d21, #eceef1);
  --soft: light-dark(#545b66, #a9b1bd);
  --line: light-dark(#dfe2e7, #353b45);
  --card: light-dark(#ffffff, #1d2127);
  --ground: light-dark(#f5f6f8, #14171b);
  --accent: light-dark(#0b5cd5, #7db1ff);
  --good: light-dark(#1a7f4b, #57c98d);
  --fair: light-dark(#9a6200, #e3b04b);
  --poor: light-dark(#b3261e, #ff8a80);
}
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
header, main { max-width: 62rem; margin: 0 auto; padding: 1rem 1.25rem; }
header { padding-bottom: 0; }
main { padding-top: 0; padding-bottom: 4rem; }
h1 { margin: 1rem 0 0; font-size: 1.6rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 .25rem; font-size: 1.2rem; }
h3 { margin: 0; font-size: 1rem; font-weight: 600; }
p { margin: .25rem 0 .75rem; }
.soft { color: var(--soft); font-size: .9rem; }
.good { color: var(--good); } .fair { color: var(--fair); } .poor { color: var(--poor); }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: .5rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1rem 0; padding: 0; }
.figures > div, .card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; }
.figures dt { color: var(--soft); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.5rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.figures small { display: block; font-size: .85rem; font-weight: 400; color: var(--soft); }
.cards { display: grid; gap: .6rem; margin: .75rem 0; padding: 0; list-style: none; }
.card p { margin: .15rem 0 .4rem; }
.row { display: flex; flex-wrap: wrap; gap: .1rem .9rem; align-items: baseline; justify-content: space-between; }
.tag { font-size: .8rem; font-weight: 600; }
code { font-size: .88em; overflow-wrap: anywhere; }
.bar { height: .45rem; margin: .3rem 0 .5rem; background: var(--line); border-radius: .25rem; position: relative; }
.bar > span { display: block; height: 100%; min-width: 2px; background: currentColor; border-radius: .25rem; }
.bar > i { position: absolute; top: -.2rem; bottom: -.2rem; width: 2px; background: var(--ink); }
summary { cursor: pointer; color: var(--accent); font-size: .9rem; padding: .15rem 0; }
.samples { margin: .4rem 0 0; padding: 0; list-style: none; font-size: .88rem; }
.samples li { padding: .4rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; background: var(--card); }
th, td { padding: .4rem .6rem; text-align: left; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: 7rem; color: var(--accent); }
@media print { details > * { display: block; } }
`
