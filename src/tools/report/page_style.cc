// The look of a report: calm colours for light and dark, one column on a
// phone, nothing that moves.
#include "src/tools/report/sections.h"

namespace lissom::tools {

std::string PageStyle() {
  return R"css(
:root{color-scheme:light dark;--bg:#f7f7f4;--card:#fff;--ink:#1e2528;--soft:#667076;--line:#e3e5e1;
--accent:#2f7a80;--accent2:#c98a3c;--track:#eceeea;--warn:#e0a63a;--bad:#c4493d;
--age0:#efb45c;--age1:#dc8d68;--age2:#b7738c;--age3:#7f6ba3;--age4:#4c5d96;--none:#aeb6b9;
--tomb0:#b9cfcb;--tomb1:#ecd49a;--tomb2:#e8b062;--tomb3:#d9793f;--tomb4:#b33a35;
--size0:#bcdcd6;--size1:#86bfb8;--size2:#4d9a97;--size3:#24686f;
--codec0:#9fb0bb;--codec1:#3d8f8a;--codec2:#8a6ea3;--codec3:#c98a3c;
--l0:#e3a857;--l1:#d98968;--l2:#b9738b;--l3:#8a6ea3;--l4:#5f73ab;--l5:#3f8098;--l6:#3a8f7d}
@media(prefers-color-scheme:dark){:root{--bg:#14181a;--card:#1c2124;--ink:#e7eaea;--soft:#98a2a7;--line:#2e3538;
--accent:#5fb3b5;--accent2:#e0ad68;--track:#293033;--none:#566067;--age3:#9a83c0;--age4:#6f80c4;--tomb0:#3f5a57;--size0:#2b4a4b;--size1:#37706f;--size2:#4fa09c;--size3:#93d6cd;--codec0:#6b7c87}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main{max-width:1120px;margin:0 auto;padding:40px 28px 56px}
h1{font-size:30px;line-height:1.2;margin:2px 0 6px;font-weight:650;overflow-wrap:anywhere}
h2{font-size:20px;margin:0 0 2px;font-weight:650}
h3{font-size:15px;margin:0;font-weight:600}
p{margin:0}
.kind{color:var(--accent);font-weight:600;font-size:14px;letter-spacing:.04em}
.soft{color:var(--soft);font-size:14px;overflow-wrap:anywhere}
code{font:13px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:24px 26px;margin-top:20px}
section>.soft{margin-bottom:18px;max-width:100ch}
.tiles{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:12px;margin-top:24px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:14px 16px}
.tile b{display:block;font-size:22px;line-height:1.25;font-weight:650;white-space:nowrap}
.tile span{color:var(--soft);font-size:13px;display:block}
footer{margin-top:24px}
input[type=radio]{position:absolute;opacity:0;pointer-events:none}
.pick{display:inline-block;padding:5px 13px;margin:0 4px 8px 0;border:1px solid var(--line);border-radius:999px;font-size:14px;cursor:pointer;color:var(--soft)}
input:checked+.pick{background:var(--ink);border-color:var(--ink);color:var(--card)}
input:focus-visible+.pick{outline:2px solid var(--accent);outline-offset:2px}
.legend{display:none;flex-wrap:wrap;gap:4px 18px;margin:6px 0 16px;font-size:13px;color:var(--soft);min-height:22px}
.legend span,.key span{display:inline-flex;align-items:center;gap:7px;white-space:nowrap}
.legend i,.key i{width:12px;height:12px;border-radius:3px;flex:none}
.key{display:flex;flex-wrap:wrap;gap:4px 16px;margin:8px 0 0;font-size:13px;color:var(--soft)}
#by-age:checked~.legend.age,#by-tomb:checked~.legend.tomb,#by-size:checked~.legend.size,#by-codec:checked~.legend.codec{display:flex}
.level{display:grid;grid-template-columns:118px minmax(0,1fr);gap:14px;align-items:center;padding:7px 0}
.level+.level{border-top:1px solid var(--line)}
.level .name b{font-size:15px;font-weight:650;display:block;line-height:1.3}
.level .name span{font-size:12.5px;color:var(--soft);display:block;line-height:1.35}
svg{display:block;width:100%;overflow:hidden}
.bars rect{stroke:var(--card);stroke-width:1px;vector-effect:non-scaling-stroke}
.bars rect.n{stroke:none}
.bars rect:hover{filter:brightness(1.12) saturate(1.2)}
.empty{height:1px;background:var(--line)}
.axis{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:10px;margin:8px 0 0 132px;color:var(--soft)}
.axis code{font-size:12px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;overflow-wrap:normal}
.axis code:nth-child(n+2){text-align:center}.axis code:last-child{text-align:right}
)css"
         R"css(
#by-age:checked~.tree .a0,i.a0{fill:var(--age0);background:var(--age0)}#by-age:checked~.tree .a1,i.a1{fill:var(--age1);background:var(--age1)}
#by-age:checked~.tree .a2,i.a2{fill:var(--age2);background:var(--age2)}#by-age:checked~.tree .a3,i.a3{fill:var(--age3);background:var(--age3)}
#by-age:checked~.tree .a4,i.a4{fill:var(--age4);background:var(--age4)}#by-age:checked~.tree .a5,i.a5{fill:var(--none);background:var(--none)}
#by-tomb:checked~.tree .t0,i.t0{fill:var(--tomb0);background:var(--tomb0)}#by-tomb:checked~.tree .t1,i.t1{fill:var(--tomb1);background:var(--tomb1)}
#by-tomb:checked~.tree .t2,i.t2{fill:var(--tomb2);background:var(--tomb2)}#by-tomb:checked~.tree .t3,i.t3{fill:var(--tomb3);background:var(--tomb3)}
#by-tomb:checked~.tree .t4,i.t4{fill:var(--tomb4);background:var(--tomb4)}
#by-size:checked~.tree .s0,i.s0{fill:var(--size0);background:var(--size0)}#by-size:checked~.tree .s1,i.s1{fill:var(--size1);background:var(--size1)}
#by-size:checked~.tree .s2,i.s2{fill:var(--size2);background:var(--size2)}#by-size:checked~.tree .s3,i.s3{fill:var(--size3);background:var(--size3)}
#by-codec:checked~.tree .c0,i.c0{fill:var(--codec0);background:var(--codec0)}#by-codec:checked~.tree .c1,i.c1{fill:var(--codec1);background:var(--codec1)}
#by-codec:checked~.tree .c2,i.c2{fill:var(--codec2);background:var(--codec2)}#by-codec:checked~.tree .c3,i.c3{fill:var(--codec3);background:var(--codec3)}
.l0{fill:var(--l0);background:var(--l0)}.l1{fill:var(--l1);background:var(--l1)}.l2{fill:var(--l2);background:var(--l2)}.l3{fill:var(--l3);background:var(--l3)}
.l4{fill:var(--l4);background:var(--l4)}.l5{fill:var(--l5);background:var(--l5)}.l6{fill:var(--l6);background:var(--l6)}
.delayed{fill:var(--warn);background:var(--warn)}.stopped{fill:var(--bad);background:var(--bad)}
table{width:100%;border-collapse:collapse;font-size:14px}
th{font-weight:500;color:var(--soft);font-size:13px}
th,td{text-align:right;padding:8px 0 8px 16px;border-top:1px solid var(--line);white-space:nowrap}
thead th{border-top:0}
th:first-child,td:first-child{text-align:left;padding-left:0}
td.share{width:26%;padding-left:22px}
.meter{height:8px;border-radius:4px;background:var(--track);overflow:hidden}
.meter i{display:block;height:100%;border-radius:4px;background:var(--accent)}
.amp{display:grid;grid-template-columns:96px minmax(0,1fr) 150px;gap:14px;align-items:center;font-size:14px;padding:5px 0}
.amp .meter{height:14px;border-radius:5px}.amp .meter i{border-radius:5px}
.amp .soft{text-align:right;white-space:nowrap}.amp .soft b{color:var(--ink);font-weight:600}
.chart{margin-top:22px}
.chart .head{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 12px;align-items:baseline;margin-bottom:6px}
.plot{background:linear-gradient(var(--line),var(--line)) 0 50%/100% 1px no-repeat;border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
.plot path{fill:none;stroke-width:2px;vector-effect:non-scaling-stroke;stroke-linejoin:round;stroke-linecap:round}
.plot .one{stroke:var(--accent)}.plot .two{stroke:var(--accent2)}i.one{background:var(--accent)}i.two{background:var(--accent2)}
.plot .hit{fill:transparent}.plot .hit:hover{fill:var(--ink);fill-opacity:.07}
.plot .open{stroke:var(--soft);stroke-width:1px;stroke-dasharray:3 3;vector-effect:non-scaling-stroke}
.strip{background:var(--track);border-radius:3px;overflow:hidden}
.ends{display:flex;justify-content:space-between;gap:12px;font-size:12.5px;color:var(--soft);margin-top:4px}
.pairs{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:8px 36px;margin-top:-10px}
.wide{grid-column:1/-1}
@media(max-width:980px){.tiles{grid-template-columns:repeat(3,minmax(0,1fr))}}
@media(max-width:640px){
main{padding:22px 14px 36px}section{padding:18px 16px;border-radius:12px;margin-top:14px}h1{font-size:23px}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:8px;margin-top:16px}.tile{padding:10px 13px}.tile b{font-size:19px}
.level{grid-template-columns:minmax(0,1fr);gap:5px;padding:9px 0}.level .name b,.level .name span{display:inline;margin-right:7px}
.axis{margin-left:0;grid-template-columns:repeat(2,minmax(0,1fr))}.axis code:nth-child(2),.axis code:nth-child(3),.axis code:nth-child(4){display:none}
.less,.empty{display:none}th,td{padding-left:10px}td.share{width:18%;padding-left:12px}
.amp{grid-template-columns:minmax(0,1fr) auto;gap:2px 10px;padding:6px 0}.amp .meter{grid-column:1/-1;order:3}
.pairs{grid-template-columns:minmax(0,1fr)}}
)css";
}

}  // namespace lissom::tools
