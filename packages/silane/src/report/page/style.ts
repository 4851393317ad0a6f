/** Colours are pairs for light and dark, each at least 4.5 : 1 on its ground; nothing is told by colour alone. */
export const style = `:root{color-scheme:light dark;--ground:#fff;--card:#f6f8fa;--text:#1f2328;--soft:#57606a;--line:#d0d7de;--pass:#1a7f37;--miss:#b3261e;--warn:#7d4e00;--bar:#5b7fd6;--bar2:#8a6fc4;--fail-zone:#f6d9d6;--pass-zone:#d9efde;--link:#0550ae}
@media (prefers-color-scheme:dark){:root{--ground:#0d1117;--card:#161b22;--text:#e6edf3;--soft:#9da7b3;--line:#30363d;--pass:#4cc25f;--miss:#ff8f86;--warn:#e0a640;--bar:#6f94ea;--bar2:#a78bdd;--fail-zone:#4a2623;--pass-zone:#173a22;--link:#79b8ff}}
*{box-sizing:border-box}
body{font:16px/1.55 system-ui,sans-serif;background:var(--ground);color:var(--text);max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0 .8rem;overflow-wrap:anywhere}h2{font-size:1.25rem;margin:2.6rem 0 .6rem}h3{font-size:1.02rem;margin:1.8rem 0 .4rem}
p{margin:.5rem 0;max-width:46rem}a{color:var(--link)}code{font:.88em ui-monospace,monospace;overflow-wrap:anywhere}.soft{color:var(--soft)}
.verdict{display:flex;gap:.7rem;align-items:center;padding:.9rem 1rem;border-radius:.6rem;border:1px solid var(--line);border-left-width:.4rem;background:var(--card);font-size:1.1rem;font-weight:600;max-width:none}
.verdict svg{flex:none;width:1.5rem;height:1.5rem}.verdict.pass{border-left-color:var(--pass)}.verdict.miss{border-left-color:var(--miss)}.verdict.unknown{border-left-color:var(--warn)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem 1.2rem;margin:1.2rem 0}.facts div{min-width:0}dt{font-size:.82rem;color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto}.scroll code,.scroll .figure{white-space:nowrap}table{border-collapse:collapse;width:100%;margin:.6rem 0 1rem;font-size:.92rem}
th,td{border-bottom:1px solid var(--line);padding:.35rem .8rem .35rem 0;text-align:left;vertical-align:top}thead th{font-size:.82rem;color:var(--soft);font-weight:500}tbody th{font-weight:500}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.miss-text{color:var(--miss);font-weight:600}.warn-text{color:var(--warn)}
.strip{display:grid;grid-template-columns:13rem minmax(8rem,1fr) 9rem;gap:.2rem 1.2rem;padding:.55rem 0;border-bottom:1px solid var(--line);align-items:center}.strip>svg{width:100%;height:1.7rem;display:block}.strip p{margin:0;font-size:.86rem}
.strip .name{font-weight:600}.figure{font-variant-numeric:tabular-nums}.axis{display:grid;grid-template-columns:13rem minmax(8rem,1fr) 9rem;gap:0 1.2rem}.axis svg{width:100%;height:1.1rem;overflow:visible}.axis text,.axis span{font-size:.75rem;fill:var(--soft);color:var(--soft)}
.bar{width:100%;min-width:3.5rem;height:.65rem;display:block;margin-top:.2rem}.layers td,.layers th{padding-right:1.1rem}
.counts td{overflow-wrap:anywhere}.counts th{max-width:11rem}
details{border:1px solid var(--line);border-radius:.5rem;padding:.5rem .9rem;margin:.8rem 0}summary{cursor:pointer;font-weight:500}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:0 2rem}
footer{margin-top:3rem;border-top:1px solid var(--line);font-size:.88rem;color:var(--soft)}
@media (max-width:40rem){.strip,.axis{grid-template-columns:1fr}.wide{display:none}body{font-size:15px}th,td{padding-right:.5rem}.layers td,.layers th{padding-right:.6rem}}
@media print{details>*{display:block}}`
