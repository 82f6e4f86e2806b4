// Lanes: a row for each process, or for several of which one ended before the next began, since
// a client goes on under a new number after an operation of unknown outcome.

/** `slots` holds the operations lane by lane; `sums[c]` counts the lit ones of colour `c`. */
const lanes = { count: 0, from: [], slots: null, starts: null, laneOf: null, sums: [] };

function fillLanes() {
  const rows = lanesOfOperations(), { count } = run;
  const sizes = new Int32Array(lanes.count + 1);
  for (let i = 0; i < count; i++) sizes[rows[i] + 1] += 1;
  for (let k = 0; k < lanes.count; k++) sizes[k + 1] += sizes[k];
  lanes.from = sizes;
  lanes.laneOf = rows;
  lanes.slots = new Int32Array(count);
  const next = sizes.slice();
  for (let i = 0; i < count; i++) lanes.slots[next[rows[i]]++] = i;
  lanes.starts = new Float64Array(count);
}

/** The row of each operation. A row is free again after its process's last event. */
function lanesOfOperations() {
  const last = new Map(), first = [], laneOfProcess = new Map(), rows = new Int32Array(run.count);
  for (let i = 0; i < run.count; i++) last.set(run.process[i], i);
  const releases = [...last].map(([process, i]) => ({ process, at: run.index[i] + run.took[i] }))
    .sort((a, b) => a.at - b.at);
  const free = [], isFree = [];
  let released = 0, taken = 0;
  for (let i = 0; i < run.count; i++) {
    const process = run.process[i];
    let lane = laneOfProcess.get(process);
    if (lane === undefined) {
      for (; released < releases.length && releases[released].at < run.index[i]; released++) {
        const done = laneOfProcess.get(releases[released].process);
        isFree[done] = true;
        free.push(done);
      }
      while (taken < free.length && !isFree[free[taken]]) taken += 1;
      // Whoever numbers clients as Jepsen does goes on under the number plus that of the clients.
      const heir = isFree[process % first.length] ? process % first.length : free[taken];
      lane = heir ?? first.length;
      if (heir === undefined) first.push(process);
      isFree[lane] = false;
      laneOfProcess.set(process, lane);
    }
    rows[i] = lane;
  }
  lanes.count = first.length;
  const rank = new Int32Array(first.length);
  first.map((process, lane) => [process, lane]).sort(([a], [b]) => a - b)
    .forEach(([, lane], row) => { rank[lane] = row; });
  return rows.map((lane) => rank[lane]);
}

/** Takes over the axis in use. */
function placeLanes() {
  for (let slot = 0; slot < run.count; slot++) lanes.starts[slot] = run.start[lanes.slots[slot]];
}

/** Counts the lit operations of each colour up to each slot, so that any stretch is counted by
    two look-ups. */
function countLit() {
  const { slots } = lanes, kinds = view.colours.length;
  lanes.sums = Array.from({ length: kinds }, () => new Int32Array(run.count + 1));
  const totals = new Int32Array(kinds);
  for (let slot = 0; slot < slots.length; slot++) {
    const i = slots[slot];
    if (view.lit[i]) totals[colourOf(i)] += 1;
    for (let c = 0; c < kinds; c++) lanes.sums[c][slot + 1] = totals[c];
  }
}

/** The first slot in `[low, high)` whose operation starts at `time` or later. Gallops, since the
    next pixel is never far. */
function slotAt(time, low, high) {
  const { starts } = lanes;
  let step = 1;
  while (low + step < high && starts[low + step] < time) { low += step; step *= 2; }
  high = Math.min(high, low + step);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] < time) low = middle + 1; else high = middle;
  }
  return low;
}
