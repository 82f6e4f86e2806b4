// Latency and rate over time: a row for each kind of fault, a scatter plot for each function,
// rates, and a row for each leader, all on one time axis.

const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [12, 4], [4, 2, 1, 2]];
const ROW = 18, TITLE = 20, GAP = 12;
const overview = { canvas: byId("overview"), cursor: byId("overview-cursor"), points: [] };

/** What does not depend on the width: rows, ranges, buckets. */
function measureOverview() {
  overview.step = niceStep(run.span / 240);
  overview.buckets = Math.floor(run.span / overview.step) + 1;
  overview.kinds = [...new Set(run.faults.map((fault) => fault.name))];
  overview.leaders = run.leaders.map((change, k) => ({
    ...change, until: run.leaders[k + 1]?.time ?? run.span,
  })).filter((change) => change.until > change.time);
  overview.nodes = [...new Set(overview.leaders.map((change) => change.node ?? ""))]
    .sort((a, b) => (a === "") - (b === "") || a.localeCompare(b, "en", { numeric: true }));
  let low = Infinity, high = 0;
  overview.unanswered = false;
  for (let i = 0; i < run.count; i++) {
    if (run.length[i] < 0) { overview.unanswered = true; continue; }
    low = Math.min(low, Math.max(1e3, run.length[i]));
    high = Math.max(high, run.length[i]);
  }
  if (!(low <= high)) [low, high] = [1e5, 1e9];
  overview.low = 10 ** Math.floor(Math.log10(low));
  overview.high = Math.max(overview.low * 10, high * 1.25);
  overview.bucketed = run.functions.map(bucketed);
}

/** For one function: in each bucket of time the latencies of its ok operations, sorted, and the
    number of answers of each outcome. */
function bucketed(number) {
  const latencies = Array.from({ length: overview.buckets }, () => []);
  const rates = OUTCOMES.map(() => new Float64Array(overview.buckets));
  for (let i = 0; i < run.count; i++) {
    if (run.function[i] !== number) continue;
    const invoked = Math.floor(run.start[i] / overview.step);
    rates[run.outcome[i]][Math.floor(run.end[i] / overview.step)] += 1e9 / overview.step;
    if (run.outcome[i] === OK) latencies[invoked].push(run.length[i]);
  }
  for (const values of latencies) values.sort((a, b) => a - b);
  return { name: run.strings[number], number, latencies, rates };
}

function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
}

function drawOverview() {
  const width = overview.canvas.parentElement.clientWidth;
  const left = width < 560 ? 76 : 96, right = 14;
  const panel = run.functions.length > 4 ? 84 : 112;
  const plan = { left, width: width - left - right, panels: [] };
  let y = 8;
  const place = (height, draw, gap = GAP) => {
    plan.panels.push({ y, height, draw });
    y += height + gap;
  };
  if (overview.kinds.length) place(overview.kinds.length * ROW, drawFaultRows);
  for (const figures of overview.bucketed) {
    place(panel + TITLE, (c, p, box) => drawScatter(c, p, box, figures));
  }
  place(96 + TITLE, drawRates);
  if (run.outcome.some((outcome) => outcome !== OK)) place(50 + TITLE, drawFailures);
  if (overview.nodes.length) place(overview.nodes.length * ROW + TITLE, drawLeaders, 4);
  overview.bottom = y;
  const context = prepare(overview.canvas, width, y + 22);
  overview.plan = plan;
  overview.points = [];
  drawGrid(context, plan, y);
  for (const box of plan.panels) box.draw(context, plan, box);
  prepare(overview.cursor, width, y + 22);
}

const across = (plan, time) => plan.left + (time / run.span) * plan.width;

function drawGrid(context, plan, bottom) {
  const { step, values } = ticks(0, run.span, plan.width / 90);
  context.fillStyle = colours.fault;
  context.globalAlpha = 0.13;
  for (const fault of run.faults) {
    const x = across(plan, fault.start);
    context.fillRect(x, 4, Math.max(1, across(plan, fault.until) - x), bottom - 4);
  }
  context.globalAlpha = 1;
  context.textAlign = "center";
  for (const value of values) {
    const x = across(plan, value);
    context.fillStyle = colours.line;
    context.fillRect(Math.round(x), 4, 1, bottom);
    context.fillStyle = colours.muted;
    context.textAlign = x > plan.left + plan.width - 20 ? "right" : "center";
    context.fillText(instant(value, step), Math.min(x, plan.left + plan.width + 10), bottom + 12);
  }
  context.textAlign = "left";
}

/** The words left of row `k`. */
function rowTitle(context, plan, words, y) {
  context.fillStyle = colours.muted;
  context.textAlign = "right";
  context.fillText(fitted(context, words, plan.left - 14), plan.left - 8, y);
  context.textAlign = "left";
}

function drawFaultRows(context, plan, box) {
  overview.kinds.forEach((kind, row) => {
    const y = box.y + row * ROW;
    rowTitle(context, plan, kind, y + ROW / 2);
    run.faults.forEach((fault, k) => {
      if (fault.name !== kind) return;
      const x = across(plan, fault.start), w = Math.max(3, across(plan, fault.until) - x);
      context.fillStyle = colours.fault;
      context.fillRect(x, y + 1, w, ROW - 3);
      context.fillStyle = colours.page;
      const label = fitted(context, `${k + 1} ${fault.detail}`, w - 6)
        || fitted(context, String(k + 1), w - 2);
      context.fillText(label, x + 3, y + ROW / 2);
    });
  });
}

function panelTitle(context, plan, box, words, note) {
  context.font = "600 " + FONT;
  context.fillStyle = colours.ink;
  context.fillText(words, plan.left, box.y + 8);
  const at = plan.left + context.measureText(words).width + 8;
  context.font = FONT;
  context.fillStyle = colours.muted;
  context.fillText(fitted(context, note, plan.left + plan.width - at), at, box.y + 8);
  return { y: box.y + TITLE, height: box.height - TITLE };
}

function drawScatter(context, plan, box, figures) {
  const area = panelTitle(context, plan, box, figures.name, "latency");
  const top = overview.unanswered ? 20 : 0, room = area.height - top;
  const decades = Math.log10(overview.high / overview.low);
  const up = (ns) => area.y + area.height
    - (Math.log10(Math.max(ns, overview.low) / overview.low) / decades) * room;
  for (let power = overview.low; power <= overview.high; power *= 10) {
    horizontal(context, plan, up(power), duration(power));
  }
  if (overview.unanswered) horizontal(context, plan, area.y + 6, "no answer");
  scatter(context, plan, figures.number,
    (i) => (run.length[i] < 0 ? area.y + 6 : up(run.length[i])));
  for (const [q, dash, w] of [[0.5, [], 1.75], [0.99, [4, 3], 1.25]]) {
    context.setLineDash(dash);
    context.lineWidth = w;
    context.strokeStyle = colours.quantile;
    broken(context, plan, figures.latencies.map((sorted) =>
      sorted.length < (q > 0.9 ? 10 : 3) ? NaN : up(quantile(sorted, q))));
  }
  context.setLineDash([]);
}

function horizontal(context, plan, y, label) {
  context.fillStyle = colours.line;
  context.fillRect(plan.left, Math.round(y), plan.width, 1);
  rowTitle(context, plan, label, y);
}

/** Draws the operations of one function. Marks that would hide each other are drawn once, darker
    the more of them there are, so that the cost is that of the area and not of the run. */
function scatter(context, plan, number, height) {
  const cells = [new Map(), new Map(), new Map()];
  for (let i = 0; i < run.count; i++) {
    if (run.function[i] !== number) continue;
    const x = across(plan, run.start[i]), y = height(i), outcome = run.outcome[i];
    const size = outcome === OK ? 2 : 4;
    const cell = Math.round(x / size) * 65536 + Math.round(y / size);
    const known = cells[outcome].get(cell);
    if (known) { known.count += 1; continue; }
    const point = { x, y, i, count: 1 };
    cells[outcome].set(cell, point);
    overview.points.push(point);
  }
  context.fillStyle = colours.outcomes[OK];
  for (const { x, y, count } of cells[OK].values()) {
    context.globalAlpha = Math.min(1, 0.38 + 0.14 * Math.log2(count));
    context.fillRect(x - 1.1, y - 1.1, 2.2, 2.2);
  }
  context.globalAlpha = 1;
  context.lineWidth = 1.3;
  for (const outcome of [FAIL, INFO]) {
    context.strokeStyle = colours.outcomes[outcome];
    context.beginPath();
    for (const { x, y } of cells[outcome].values()) mark(context, outcome, x, y, 2.6);
    context.stroke();
  }
}

/** A line through the middles of the buckets, broken where there is no value. */
function broken(context, plan, heights) {
  context.beginPath();
  let open = false;
  heights.forEach((y, k) => {
    if (Number.isNaN(y)) { open = false; return; }
    const x = across(plan, Math.min(run.span, (k + 0.5) * overview.step));
    if (open) context.lineTo(x, y); else context.moveTo(x, y);
    if (!open && Number.isNaN(heights[k + 1] ?? NaN)) context.lineTo(x + 2, y);
    open = true;
  });
  context.stroke();
}

function drawRates(context, plan, box) {
  const area = panelTitle(context, plan, box, "ok per second",
    `by completion, in steps of ${duration(overview.step)}`);
  const most = Math.max(1, ...overview.bucketed.map((f) => f.rates[OK].reduce(larger, 0)));
  const up = (rate) => area.y + area.height - (rate / most) * (area.height - 4);
  for (const value of ticks(0, most, 3).values) horizontal(context, plan, up(value), amount(value));
  overview.bucketed.forEach((figures, k) => {
    context.strokeStyle = colours.functions[k % colours.functions.length];
    context.setLineDash(DASHES[k % DASHES.length]);
    context.lineWidth = 1.75;
    broken(context, plan, Array.from(wholeBuckets(figures.rates[OK]), up));
  });
  context.setLineDash([]);
}

const larger = (a, b) => Math.max(a, b);

/** The last bucket ends with the run, so its rate is that of a shorter time. */
function wholeBuckets(rates) {
  const rest = run.span / overview.step - (overview.buckets - 1);
  return rates.map((rate, k) => (k < overview.buckets - 1 ? rate : rate / Math.max(rest, 0.25)));
}

function amount(value) {
  return trim(value.toFixed(value < 10 ? 1 : 0)).replace(/\B(?=(\d{3})+$)/g, ",");
}

function drawFailures(context, plan, box) {
  const area = panelTitle(context, plan, box, "fail and info per second",
    "fail upon info, all functions");
  const sum = (outcome, k) => overview.bucketed.reduce((s, f) => s + f.rates[outcome][k], 0);
  const all = Array.from({ length: overview.buckets }, (_, k) => [sum(INFO, k), sum(FAIL, k)]);
  const most = Math.max(1, all.reduce((m, [a, b]) => Math.max(m, a + b), 0));
  const scale = (area.height - 2) / most, bottom = area.y + area.height;
  for (const value of ticks(0, most, 2).values) {
    horizontal(context, plan, bottom - value * scale, amount(value));
  }
  all.forEach(([info, fail], k) => {
    const x = across(plan, k * overview.step);
    const w = Math.max(1, across(plan, Math.min(run.span, (k + 1) * overview.step)) - x - 1);
    context.fillStyle = colours.outcomes[INFO];
    context.fillRect(x, bottom - info * scale, w, info * scale);
    context.fillStyle = colours.outcomes[FAIL];
    context.fillRect(x + w / 4, bottom - (info + fail) * scale, w / 2, fail * scale);
  });
}

function drawLeaders(context, plan, box) {
  const area = panelTitle(context, plan, box, "leader", "with its term");
  overview.nodes.forEach((node, row) => {
    const y = area.y + row * ROW;
    rowTitle(context, plan, node === "" ? "none" : node, y + ROW / 2);
    context.fillStyle = colours.line;
    context.fillRect(plan.left, y + ROW / 2, plan.width, 1);
    for (const change of overview.leaders) {
      if ((change.node ?? "") !== node) continue;
      const x = across(plan, change.time), w = Math.max(2, across(plan, change.until) - x);
      if (node === "") {
        context.fillStyle = colours.outcomes[FAIL];
        context.fillRect(x, y + 6, w, ROW - 11);
        continue;
      }
      context.fillStyle = colours.page;
      context.lineWidth = 1;
      context.strokeStyle = colours.ink;
      context.fillRect(x, y + 2, w, ROW - 4);
      context.strokeRect(x + 0.5, y + 2.5, Math.max(1, w - 1), ROW - 5);
      context.fillStyle = colours.ink;
      context.fillText(fitted(context, "term " + change.term, w - 6)
        || fitted(context, String(change.term), w - 2), x + 3, y + ROW / 2);
    }
  });
}
