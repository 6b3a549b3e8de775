// SPDX-License-Identifier: Apache-2.0
// ws (npm) on Node, with bufferutil when it is installed.  Same CLI contract as common.h.
'use strict';
const fs = require('fs');
const WebSocket = require('ws');
const [url, scenario, sizeS, countS, winS] = process.argv.slice(2);
if (!countS) { console.error('usage: ws.js URL SCENARIO SIZE COUNT [WINDOW]'); process.exit(2); }
const size = +sizeS, count = +countS, window = Math.max(1, +(winS || 1));
const kind = scenario.split('-')[0], text = scenario.includes('-text'), deflate = scenario.includes('-z');
const isText = text || deflate;

function textPayload(n) {
  const u = Buffer.from('Hi wörld ✓ 你好 😀, plain ascii words follow here; ');
  const s = Buffer.alloc(n);
  for (let i = 0; i < n; i++) s[i] = u[i % u.length];
  let k = n;
  while (k > 0 && !require('buffer').isUtf8(s.subarray(0, k))) k--;
  return s.fill('x', k);
}
function json(n, idx) {
  let x = (2463534242 + Number(BigInt.asUintN(32, BigInt(idx) * 2654435761n))) >>> 0;
  let o = `{"idx":${idx},"items":[`;
  for (let r = 0; ; r++) {
    x ^= x << 13; x ^= x >>> 17; x ^= x << 5; x >>>= 0;
    const k = `${r ? ',' : ''}{"id":${idx * 1000 + r},"symbol":"SYM${String(x % 997).padStart(3, '0')}","price":${x % 50000}.${String((x >>> 8) % 100).padStart(2, '0')},"qty":${(x >>> 16) % 1000},"side":"${x & 1 ? 'buy' : 'sell'}"}`;
    if (o.length + k.length + 2 > n) break;
    o += k;
  }
  return Buffer.from(o + ' '.repeat(n - 2 - o.length) + ']}');
}
const pl = [];
if (deflate) for (let i = 0; i < 64; i++) pl.push(json(size, i));
else { const p = text ? textPayload(size) : Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + 7) & 255)); for (let i = 0; i < 64; i++) pl.push(p); }

let t0, r0;
const rss = [0, 0, 0];
const rssKb = () => +fs.readFileSync('/proc/self/statm', 'latin1').split(' ')[1] * 4;
function start() { r0 = process.resourceUsage(); t0 = process.hrtime.bigint(); }
function stop() {
  const w = Number(process.hrtime.bigint() - t0) / 1e9, r = process.resourceUsage();
  const o = { client: 'ws', scenario, size, count, window, wall_s: w, user_s: (r.userCPUTime - r0.userCPUTime) / 1e6,
    sys_s: (r.systemCPUTime - r0.systemCPUTime) / 1e6, maxrss_kb: r.maxRSS, msgs_per_s: count / w, mb_per_s: count * size / w / 1e6,
    nvcsw: r.voluntaryContextSwitches - r0.voluntaryContextSwitches };
  if (kind === 'idle') Object.assign(o, { rss_before_kb: rss[0], rss_conn_kb: rss[1], rss_echo_kb: rss[2] });
  console.log(JSON.stringify(o));
}
function die(m) { console.error(m); process.exit(1); }
const ca = url.startsWith('wss:') ? fs.readFileSync(process.env.BENCH_CA) : undefined;
function open() {
  const ws = new WebSocket(url, { perMessageDeflate: deflate ? { threshold: 0 } : false, ca, maxPayload: 64 << 20 });
  ws.on('error', (e) => die(e));
  return ws;
}
const opt = { binary: !isText };
const check = (d, bin) => { if (d.length !== size || bin === isText) die(`message: ${d.length} bytes, binary ${bin}`); };

if (kind === 'echo') {
  const ws = open();
  let got = 0, batch = 0;
  const sendBatch = () => { batch = Math.min(window, count - got); for (let j = 0; j < batch; j++) ws.send(pl[(got + j) & 63], opt); };
  ws.on('open', () => { start(); sendBatch(); });
  ws.on('message', (d, bin) => {
    check(d, bin);
    got++;
    if (--batch === 0) { if (got === count) { stop(); ws.close(1000); } else sendBatch(); }
  });
} else if (kind === 'source') {
  start();
  let got = 0;
  const ws = open();
  ws.on('message', (d, bin) => { check(d, bin); got++; });
  ws.on('close', () => { if (got !== count) die(`source: ${got}`); stop(); });
} else if (kind === 'sink') {
  const ws = open();
  let sent = 0, wait = false;
  const go = () => {
    wait = false;
    while (sent < count) {
      const last = ws.bufferedAmount > (1 << 20);
      ws.send(pl[sent++ & 63], opt, last ? () => { if (!wait) return; go(); } : undefined);
      if (last) { wait = true; return; }
    }
  };
  ws.on('open', () => { start(); go(); });
  ws.on('message', () => { stop(); ws.close(1000); });
} else if (kind === 'connect') {
  // The first is not counted: one-time costs of a process are not part of a connect.
  let n = -1;
  const next = () => {
    const ws = open();
    ws.on('open', () => ws.close(1000));
    ws.on('close', () => {
      if (++n === 0) start();
      if (n < count) next();
      else stop();
    });
  };
  next();
} else if (kind === 'idle') {
  const v = [];
  const w = open();
  w.on('open', () => {
    rss[0] = rssKb();
    start();
    const echoAll = (i) => {
      if (i === count) { rss[2] = rssKb(); stop(); process.exit(0); }
      v[i].once('message', () => echoAll(i + 1));
      v[i].send(pl[0], opt);
    };
    const next = () => {
      const ws = open();
      ws.on('open', () => { v.push(ws); if (v.length < count) next(); else { rss[1] = rssKb(); echoAll(0); } });
    };
    next();
  });
} else die('unknown scenario');
