//! The style of every page. System fonts, the reader's own choice of light or dark.

pub(super) const STYLE: &str = "
:root{color-scheme:light dark;
--paper:#fff;--ink:#1b1f24;--quiet:#57606a;--line:#d8dee4;--soft:#f6f8fa;--link:#0757c2;
--good:#116329;--good-bg:#dafbe1;--bad:#a40e26;--bad-bg:#ffebe9;--fair:#7d4e00;--fair-bg:#fff8c5;
--unknown:#424a53;--unknown-bg:#e7ebef}
@media (prefers-color-scheme:dark){:root{
--paper:#0d1117;--ink:#e6edf3;--quiet:#9aa4af;--line:#30363d;--soft:#161b22;--link:#79b8ff;
--good:#7ee2a0;--good-bg:#12331d;--bad:#ffa7a0;--bad-bg:#4a1618;--fair:#f0cf65;--fair-bg:#3b2d07;
--unknown:#c9d1d9;--unknown-bg:#2d333b}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;overflow-wrap:anywhere}
main,footer{max-width:64rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
p{margin:.25rem 0}
a{color:var(--link)}
.answer{font-size:1.15rem}
.quiet{color:var(--quiet);font-size:.9rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(17rem,100%),1fr));gap:.75rem;margin-top:1.25rem}
.card{background:var(--soft);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
.card h2{font-size:.95rem;margin:0;color:var(--quiet);font-weight:600}
.badge{display:inline-block;padding:.05rem .55rem;border-radius:1rem;font-weight:600;font-size:.9rem;
background:var(--unknown-bg);color:var(--unknown)}
.badge.good{background:var(--good-bg);color:var(--good)}
.badge.bad{background:var(--bad-bg);color:var(--bad)}
.badge.fair{background:var(--fair-bg);color:var(--fair)}
ul.list{list-style:none;margin:0;padding:0}
ul.list>li{border-top:1px solid var(--line);padding:.6rem 0}
ul.evidence{margin:.25rem 0 0;padding-left:1.2rem;color:var(--quiet);font-size:.9rem}
.remedy{border-left:3px solid var(--link);padding-left:.6rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-top:1px solid var(--line)}
th{color:var(--quiet);font-weight:600;border-top:0}
tbody th{color:var(--ink);border-top:1px solid var(--line)}
pre{overflow-x:auto;white-space:pre-wrap;background:var(--soft);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem}
@media (max-width:40rem){
table.rows thead{display:none}
table.rows tr,table.rows th,table.rows td{display:block}
table.rows tr{border-top:1px solid var(--line);padding:.5rem 0}
table.rows th,table.rows td{border:0;padding:.1rem 0}
table.rows td:not([data-head=''])::before{color:var(--quiet);content:attr(data-head) ': '}}
td.number{text-align:right;font-variant-numeric:tabular-nums}
details{margin:.5rem 0}
summary{cursor:pointer;color:var(--link)}
code{font-size:.9em}
footer{border-top:1px solid var(--line);margin-top:2rem}
footer nav{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
";
