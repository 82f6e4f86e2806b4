// Linearization points: where in its interval each operation of a witness may have taken effect.

const points = readPoints();

/** The witnesses of all keys, one after the other, as HistoryColumns.swift packed them. */
function readPoints() {
  const all = page.keys.reduce((sum, key) => sum + key.points, 0);
  const place = new Int32Array(all), steps = column("point", all, Float64Array, signed);
  let at = 0;
  for (const key of page.keys) {
    key.from = at;
    for (let value = 0, end = at + key.points; at < end; at++) place[at] = value += steps[at];
    key.to = at;
  }
  const of = new Int32Array(run.count).fill(-1);
  place.forEach((i, k) => { of[i] = k; });
  return {
    place, of, at: new Float64Array(all), state: column("state", all, Float64Array, lessOne),
  };
}

/** Puts each point in the middle of where it may lie, in the order of the witness: after all
    invocations before it, ahead of all completions after it. */
function placePoints() {
  for (const key of page.keys) {
    let bound = run.span;
    for (let k = key.to - 1; k >= key.from; k--) {
      const i = points.place[k];
      if (run.outcome[i] !== INFO) bound = Math.min(bound, run.end[i]);
      points.at[k] = bound;
    }
    let least = 0;
    for (let k = key.from; k < key.to; k++) {
      least = Math.max(least, run.start[points.place[k]]);
      points.at[k] = (least + points.at[k]) / 2;
    }
  }
}

function stateText(k) {
  return points.state[k] < 0 ? "not kept in this page" : valueText(points.state[k]);
}

/** The key of which point `k` is one. */
function keyOfPoint(k) {
  return page.keys.find((key) => key.from <= k && k < key.to);
}

/** What the witness says of operation `i`. */
function pointRows(i) {
  const k = points.of[i];
  if (k < 0) return [];
  const key = keyOfPoint(k);
  const rows = [["order", `${grouped(k - key.from + 1)} of ${grouped(key.points)} in the witness`]];
  if (page.hasStates) rows.push(["state after", stateText(k)]);
  return rows;
}

/** The operation before or after `i` in its witness, or -1. */
function neighbour(i, direction) {
  const k = points.of[i];
  if (k < 0) return -1;
  const key = keyOfPoint(k), next = k + direction;
  return next >= key.from && next < key.to ? points.place[next] : -1;
}
