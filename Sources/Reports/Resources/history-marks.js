// The linearization points on the timeline, and the row of states above it.

const MOST_POINTS = 1500;  // drawn at once; more would hide the bars

/** The points in view of the key that is looked at, as a range; of all keys if they are few. */
function pointRanges() {
  const keys = chosenKey() ? [chosenKey()] : page.keys.length <= 24 ? page.keys : [];
  return keys.filter((key) => key.points).map((key) => {
    const at = points.at.subarray(key.from, key.to);
    return [key.from + lowerBound(at, view.from), key.from + lowerBound(at, view.to)];
  });
}

/** A mark at the foot of its bar for each point; few enough are joined in the order of the witness. */
function drawPoints(context, top) {
  const ranges = pointRanges();
  const count = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  byId("points-hint").hidden = count <= MOST_POINTS;
  if (!byId("show-points").checked || count > MOST_POINTS) return;
  const { lane } = timeline, height = (i) => top + (lanes.laneOf[i] + 1) * lane - 5;
  for (const [from, to] of ranges) {
    if (to - from <= 160) drawOrder(context, from, to, height);
    const size = Math.min(4, lane / 4);
    for (let k = from; k < to; k++) {
      const i = points.place[k], x = timeToX(points.at[k]), y = height(i);
      if (!view.lit[i] && i !== view.selected) continue;
      context.fillStyle = colours.page;
      context.strokeStyle = colours.ink;
      context.lineWidth = 1.25;
      context.beginPath();
      context.moveTo(x, y - size); context.lineTo(x + size, y);
      context.lineTo(x, y + size); context.lineTo(x - size, y);
      context.closePath();
      context.fill();
      context.stroke();
    }
  }
}

function drawOrder(context, from, to, height) {
  context.strokeStyle = colours.ink;
  context.globalAlpha = 0.35;
  context.lineWidth = 1;
  context.beginPath();
  for (let k = from; k < to; k++) {
    const x = timeToX(points.at[k]), y = height(points.place[k]);
    if (k === from) context.moveTo(x, y); else context.lineTo(x, y);
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** What the object holds from one point to the next, as the witness has it. Stretches too narrow
    for a word are one quiet band. */
function drawStates(context) {
  const { left, width } = timeline, key = chosenKey();
  const [[from, to]] = pointRanges();
  context.fillStyle = colours.muted;
  context.textAlign = "right";
  context.fillText("state", left - 6, HEAD + STATES / 2 - 1);
  context.textAlign = "left";
  context.save();
  context.beginPath();
  context.rect(left, HEAD, width, STATES);
  context.clip();
  context.fillStyle = colours.panel;
  context.fillRect(left, HEAD, width, STATES - 2);
  for (let k = from - 1; to - from < width && k < to; k++) {
    const x = k < key.from ? left : Math.max(left, timeToX(points.at[k]));
    let next = k + 1;  // the same state goes on
    while (next < to && k >= key.from && points.state[next] === points.state[k]) next += 1;
    const end = next < key.to ? Math.min(left + width, timeToX(points.at[next])) : left + width;
    context.fillStyle = colours.line;
    if (k >= key.from) context.fillRect(x, HEAD, 1, STATES - 2);
    context.fillStyle = colours.ink;
    const words = k < key.from ? page.initial : stateText(k);
    if (end - x > 8) context.fillText(fitted(context, words, end - x - 6), x + 4, HEAD + 9);
    k = next - 1;
  }
  context.restore();
}
