// The timeline: a lane for each worker, drawn anew for whatever part is in view. What is narrower
// than a pixel is drawn by pixel column, so that the cost is bounded by the screen.

const NARROW = 1.6;
const TALL = [0.8, 0.56, 1];  // of a lane's bar, by outcome: the sign beside the colour
const timeline = { canvas: byId("timeline"), requested: false, lane: 20, left: 44, width: 0 };

/** Lane height by number of workers; many workers make the plot scroll. */
function sizeTimeline() {
  const plot = timeline.canvas.parentElement;
  timeline.lane = Math.max(9, Math.min(26, Math.floor(520 / view.lanes.length)));
  timeline.left = plot.clientWidth < 560 ? 30 : 56;
  const height = HEAD + view.lanes.length * timeline.lane + FOOT;
  timeline.height = Math.min(height, 678);
  plot.querySelector(".spacer")?.remove();
  if (height > timeline.height) {
    plot.append(element("div", { class: "spacer", style: `height:${height - timeline.height}px` }));
  }
  timeline.width = plot.clientWidth - timeline.left;
}

function drawTimeline() {
  const { canvas, left, width, height, lane } = timeline;
  const context = prepare(canvas, left + width, height);
  const scroll = canvas.parentElement.scrollTop;
  const bottom = Math.min(height - FOOT, HEAD + view.lanes.length * lane - scroll);
  drawTimeAxis(context, bottom);
  context.save();
  context.beginPath();
  context.rect(0, HEAD, left + width, bottom - HEAD);
  context.clip();
  view.lanes.forEach((row, k) => {
    const y = HEAD + k * lane - scroll;
    if (y + lane < HEAD || y > bottom) return;
    drawWorker(context, row, y);
  });
  context.restore();
  drawPosition(context);
}

function drawWorker(context, row, y) {
  const { left, width, lane } = timeline;
  context.fillStyle = colours.line;
  context.fillRect(left, y + lane - 1, width, 1);
  if (lane >= 12 || row.worker % 5 === 0) {
    context.fillStyle = colours.muted;
    context.textAlign = "right";
    context.fillText(String(row.worker), left - 6, y + lane / 2);
    context.textAlign = "left";
  }
  context.save();
  context.beginPath();
  context.rect(left, y, width, lane);
  context.clip();
  // The one before the first in view may reach into it.
  const first = Math.max(0, lowerBound(row.starts, view.from) - 2);
  const last = lowerBound(row.starts, view.to);
  const columns = new Uint8Array(Math.ceil(width) + 1), wide = [];
  for (let k = first; k < last; k++) {
    const i = row.places[k], x = timeToX(run.start[i]), end = timeToX(run.end[i]);
    if (end - x > NARROW) { wide.push(i); continue; }
    const column = Math.floor(x - left);
    if (column < 0 || column > width) continue;
    const rank = 1 + run.outcome[i] + 3 * view.lit[i];
    if (rank > columns[column]) columns[column] = rank;
    if (run.length[i] < 0) wide.push(i);
  }
  for (const lit of [0, 1]) {
    const drawn = wide.filter((i) => view.lit[i] === lit);
    for (const i of drawn) if (run.outcome[i] === INFO) drawFade(context, i, y);
    drawColumns(context, columns, y, lit);
    for (const i of drawn) drawBar(context, i, y);
  }
  context.restore();
}

function drawColumns(context, columns, y, lit) {
  context.globalAlpha = lit ? 1 : 0.22;
  for (let x = 0; x < columns.length; x++) {
    const rank = columns[x];
    if (rank === 0 || (rank > 3) !== (lit === 1)) continue;
    let end = x + 1;
    while (end < columns.length && columns[end] === rank) end += 1;
    const outcome = (rank - 1) % 3, h = (timeline.lane - 3) * TALL[outcome];
    context.fillStyle = colours.outcomes[outcome];
    context.fillRect(timeline.left + x, y + (timeline.lane - 1 - h) / 2, end - x, h);
    x = end - 1;
  }
  context.globalAlpha = 1;
}

/** An operation of unknown outcome may still happen: it has no right edge, it fades. From afar the
    fade is short, lest it hide the neighbours. */
function drawFade(context, i, y) {
  const h = timeline.lane - 3, from = timeToX(run.end[i]), steps = 8;
  const bar = from - timeToX(run.start[i]);
  const w = run.length[i] < 0 ? 3 : Math.max(0.5, Math.min(48, bar) / steps);
  context.fillStyle = colours.outcomes[INFO];
  for (let k = 0; k < steps; k++) {
    context.globalAlpha = (view.lit[i] ? 0.45 : 0.1) * (1 - k / steps) ** 1.5;
    context.fillRect(from + k * w, y + 1, w, h);
  }
  context.globalAlpha = 1;
}

function drawBar(context, i, y) {
  const { left, width, lane } = timeline, outcome = run.outcome[i], inner = lane - 3;
  const x = Math.max(left - 2, timeToX(run.start[i]));
  const end = Math.min(left + width + 2, Math.max(x + 1.5, timeToX(run.end[i])));
  const h = inner * TALL[outcome], top = y + (lane - 1 - h) / 2;
  const isSelected = i === view.selected;
  const strength = view.lit[i] || isSelected ? 1 : 0.22;
  context.globalAlpha = strength * (outcome === INFO ? 0.38 : 1);
  context.fillStyle = colours.outcomes[outcome];
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
  const down = y - HEAD + timeline.canvas.parentElement.scrollTop;
  const row = view.lanes[Math.floor(down / timeline.lane)];
  if (!row || x < timeline.left || y < HEAD || y > timeline.height - FOOT) return -1;
  let best = -1, nearest = 4;
  const last = lowerBound(row.starts, xToTime(x + 4)) - 1;
  for (let k = last; k >= Math.max(0, last - 64); k--) {
    const i = row.places[k];
    const distance = Math.max(timeToX(run.start[i]) - x, x - timeToX(run.end[i]), 0)
      + (view.lit[i] ? 0 : 0.5);
    if (distance < nearest) { best = i; nearest = distance; }
    if (distance === 0) break;
  }
  return best;
}
