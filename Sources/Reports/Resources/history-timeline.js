// The timeline of a checked history, drawn anew for whatever part is in view. Where operations
// are narrower than the eye, a lane is drawn by pixel column from counts, so that the cost is
// bounded by the screen and not by the history.

const TALL = [0.8, 0.56, 1];  // of a lane's bar, by outcome: the sign beside the colour
const STATES = 20;  // height of the row of states
const CROWDED = 3;  // pixels an operation needs to be drawn by itself
const timeline = { canvas: byId("timeline"), requested: false, lane: 20, left: 44, width: 0 };

/** Whether the row of states is there: one key with a witness is looked at. */
function hasStateRow() {
  return page.hasStates && (chosenKey()?.points ?? 0) > 0;
}

const lanesTop = () => HEAD + (hasStateRow() ? STATES : 0);

/** Lane height by number of lanes; many lanes make the plot scroll. */
function sizeTimeline() {
  const plot = timeline.canvas.parentElement;
  timeline.lane = Math.max(11, Math.min(26, Math.floor(520 / lanes.count)));
  timeline.left = plot.clientWidth < 560 ? 38 : 56;
  const height = lanesTop() + lanes.count * timeline.lane + FOOT;
  timeline.height = Math.min(height, 678);
  plot.querySelector(".spacer")?.remove();
  if (height > timeline.height) {
    plot.append(element("div", { class: "spacer", style: `height:${height - timeline.height}px` }));
  }
  timeline.width = plot.clientWidth - timeline.left;
}

function drawTimeline() {
  const { canvas, left, width, height, lane } = timeline;
  const began = performance.now();
  const context = prepare(canvas, left + width, height);
  const scroll = canvas.parentElement.scrollTop, top = lanesTop();
  const bottom = Math.min(height - FOOT, top + lanes.count * lane - scroll);
  drawTimeAxis(context, bottom);
  context.save();
  context.beginPath();
  context.rect(0, top, left + width, bottom - top);
  context.clip();
  const first = Math.floor(scroll / lane);
  const end = Math.min(lanes.count, Math.ceil((scroll + bottom - top) / lane));
  for (let row = first; row < end; row++) drawLaneOf(context, row, top + row * lane - scroll);
  drawPoints(context, top - scroll);
  context.restore();
  if (hasStateRow()) drawStates(context);
  drawPosition(context);
  timeline.milliseconds = performance.now() - began;
}

function drawLaneOf(context, row, y) {
  const { left, width, lane } = timeline;
  const begin = lanes.from[row], end = lanes.from[row + 1];
  const first = Math.max(begin, slotAt(view.from, begin, end) - 1);
  const last = slotAt(view.to, first, end);
  context.fillStyle = colours.line;
  context.fillRect(left, y + lane - 1, width, 1);
  const named = Math.min(end - 1, first + (last - first > 1 ? 1 : 0));
  context.fillStyle = colours.muted;
  context.textAlign = "right";
  context.fillText(String(run.process[lanes.slots[named]]), left - 6, y + lane / 2);
  context.textAlign = "left";
  context.save();
  context.beginPath();
  context.rect(left, y, width, lane);
  context.clip();
  if ((last - first) * CROWDED > width) drawDensity(context, y, first, last);
  else drawSeparately(context, y, first, last);
  context.restore();
}

function drawSeparately(context, y, first, last) {
  for (const lit of [0, 1]) {
    for (let slot = first; slot < last; slot++) {
      const i = lanes.slots[slot];
      if (view.lit[i] !== lit) continue;
      if (run.outcome[i] === INFO) drawFade(context, i, y);
      drawBar(context, i, y);
    }
  }
}

/** One lane by pixel columns: the stronger the colour, the more operations begin there; each
    lit colour has its share of the height, and at least enough to be seen. */
function drawDensity(context, y, first, last) {
  const { left, width, lane } = timeline, inner = lane - 3;
  const perPixel = (view.to - view.from) / width, usual = (last - first) / width;
  let low = first, stretch = null;
  const flush = () => { if (stretch) drawStretch(context, stretch, y + 1, inner); };
  for (let x = 0; x < width; x++) {
    const high = slotAt(view.from + (x + 1) * perPixel, low, last);
    const now = columnOf(low, high, first, view.from + x * perPixel, usual);
    if (stretch && stretch.code === now.code) stretch.width += 1;
    else { flush(); stretch = { ...now, x: left + x, width: 1 }; }
    low = high;
  }
  flush();
  for (const member of chosenMembers()) {
    if (lanes.laneOf[member] === lanes.laneOf[lanes.slots[first]]) drawBar(context, member, y, 4);
  }
}

/** What one pixel column shows of a lane that usually has so many operations in one; equal codes
    look the same. */
function columnOf(low, high, first, time, usual) {
  if (low === high) {
    const i = low === first ? -1 : lanes.slots[low - 1];
    if (i < 0 || run.end[i] <= time) return { code: 0, shade: 0, shares: [] };
    const colour = colourOf(i), lit = view.lit[i];
    const shares = view.colours.map((_, c) => (c === colour && lit ? 1 : 0));
    return { code: 1 + colour + 8 * lit, shade: 3, shares };
  }
  const count = high - low;
  const shade = Math.max(2, Math.min(7, 6 + Math.round(2 * Math.log2(count / usual))));
  let code = shade;
  const shares = lanes.sums.map((sums) => {
    const part = (sums[high] - sums[low]) / count;
    const share = part === 0 ? 0 : Math.max(0.14, Math.round(part * 8) / 8);
    code = code * 16 + Math.round(share * 15);
    return share;
  });
  return { code: code + 1024, shade, shares };
}

function drawStretch(context, { x, width, shade, shares }, y, inner) {
  if (shade === 0) return;
  const opacity = 0.3 + 0.1 * shade, total = shares.reduce((sum, share) => sum + share, 0);
  if (total < 0.99) {
    context.globalAlpha = opacity * 0.24;
    context.fillStyle = view.colours[0];
    context.fillRect(x, y, width, inner);
  }
  let bottom = y + inner;
  for (let c = shares.length - 1; c >= 0; c--) {
    if (!shares[c]) continue;
    const height = (shares[c] / Math.max(1, total)) * inner;
    context.globalAlpha = c === 0 || view.byFunction ? opacity : 1;
    context.fillStyle = view.colours[c];
    context.fillRect(x, bottom - height, width, height);
    bottom -= height;
  }
  context.globalAlpha = 1;
}

/** The counterexample's operations while they stand in front. */
function chosenMembers() {
  const isFront = byId("only-counterexample")?.checked ?? false;
  return isFront ? (chosenKey()?.counterexample?.members ?? []).map(({ place }) => place) : [];
}

/** An operation of unknown outcome may still happen: it has no right edge, it fades. */
function drawFade(context, i, y) {
  const h = timeline.lane - 3, from = Math.max(timeToX(run.end[i]), timeToX(run.start[i]) + 3);
  const w = Math.max(0.5, Math.min(48, run.length[i] < 0 ? 32 : from - timeToX(run.start[i])) / 8);
  context.fillStyle = view.colours[colourOf(i)];
  for (let k = 0; k < 8; k++) {
    context.globalAlpha = (view.lit[i] ? 0.45 : 0.1) * (1 - k / 8) ** 1.5;
    context.fillRect(from + k * w, y + 1, w, h);
  }
  context.globalAlpha = 1;
}

function drawBar(context, i, y, least = 1.5) {
  const { left, width, lane } = timeline, outcome = run.outcome[i], inner = lane - 3;
  const x = Math.max(left - 2, timeToX(run.start[i]));
  const end = Math.min(left + width + 2, Math.max(x + least, timeToX(run.end[i])));
  const h = inner * TALL[outcome], top = y + (lane - 1 - h) / 2;
  const isSelected = i === view.selected, strength = view.lit[i] || isSelected ? 1 : 0.22;
  context.globalAlpha = strength * (outcome === INFO ? 0.38 : 1);
  context.fillStyle = view.colours[colourOf(i)];
  // A hair's breadth stays free, so that neighbours can be told apart.
  context.fillRect(x, top, Math.max(1, end - x - 0.75), h);
  context.globalAlpha = strength;
  if (outcome === INFO) context.fillRect(x, top, 2, h);
  context.globalAlpha = 1;
  if (isSelected) {
    context.strokeStyle = colours.ink;
    context.lineWidth = 2;
    context.strokeRect(x, y + 1, Math.max(3, end - x), lane - 3);
  }
  if (end - x < 34 || h < 11 || !view.lit[i]) return;
  context.fillStyle = outcome === INFO ? colours.ink : colours.barInk;
  context.fillText(fitted(context, text("label", i), end - x - 8), x + 4, y + (lane - 1) / 2 + 0.5);
}

/** The operation under a point of the canvas, or -1. */
function operationAt(x, y) {
  const down = y - lanesTop() + timeline.canvas.parentElement.scrollTop;
  const row = Math.floor(down / timeline.lane);
  if (row < 0 || row >= lanes.count || x < timeline.left || y < lanesTop()) return -1;
  if (y > timeline.height - FOOT) return -1;
  const begin = lanes.from[row];
  let best = -1, nearest = 4;
  const last = slotAt(xToTime(x + 4), begin, lanes.from[row + 1]) - 1;
  for (let slot = last; slot >= Math.max(begin, last - 64); slot--) {
    const i = lanes.slots[slot];
    const distance = Math.max(timeToX(run.start[i]) - x, x - timeToX(run.end[i]), 0)
      + (view.lit[i] ? 0 : 0.5);
    if (distance < nearest) { best = i; nearest = distance; }
    if (distance === 0) break;
  }
  return best;
}
