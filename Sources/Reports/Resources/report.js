// The run's data, and an operation in words. Swift joins the scripts of this page into one
// module: common.js, camera.js, this one, overview.js, axis.js, counterexample.js, view.js,
// timeline.js, controls.js, start.js.

const run = readRun(JSON.parse(byId("run-data").textContent));

function readRun(data) {
  const count = data.start.length;
  const start = sums(data.start), length = Float64Array.from(data.length);
  const end = start.map((time, i) => (length[i] < 0 ? time : time + length[i]));
  let span = 1e6;
  for (const time of end) if (time > span) span = time;
  for (const fault of data.faults) span = Math.max(span, fault.end ?? fault.start);
  for (const fault of data.faults) fault.until = fault.end ?? span;
  return {
    ...data, count, start, length, end, span, index: sums(data.index),
    outcome: Uint8Array.from(data.outcome),
    functions: [...new Set(data.function)].sort((a, b) =>
      (data.strings[a] < data.strings[b] ? -1 : 1)),
    inCounterexample: flags(count, data.counterexample ?? []),
  };
}

function sums(differences) {
  const values = new Float64Array(differences.length);
  let value = 0;
  for (let i = 0; i < values.length; i++) values[i] = value += differences[i];
  return values;
}

function flags(count, places) {
  const flags = new Uint8Array(count);
  for (const place of places) flags[place] = 1;
  return flags;
}

/** The string of column `name` for operation `i`; "" for nil. */
function text(name, i) {
  return run.strings[run[name][i]] ?? "";
}

/** Rows [name, value] of what is known of operation `i`. */
function rowsOf(i) {
  const answered = run.length[i] >= 0, info = run.outcome[i] === INFO;
  const rows = [
    ["outcome", OUTCOMES[run.outcome[i]] + (info ? ": it may have happened, then or later" : "")],
    ["time", instant(run.start[i], 1e3) + (answered ? " – " + instant(run.end[i], 1e3) : "")],
    ["took", answered ? duration(run.length[i]) : "never answered"],
    ["process", run.process[i] + " (worker " + run.worker[i] + ")"],
    ["invocation", String(run.index[i])],
  ];
  if (run.key[i] >= 0) rows.unshift(["key", text("key", i)]);
  rows.unshift(["function", text("function", i)]);
  if (run.node[i] >= 0) rows.push(["node", text("node", i)]);
  if (run.error[i] >= 0) rows.push(["error", text("error", i)]);
  const during = run.faults.filter((f) => f.start <= run.end[i] && f.until >= run.start[i]);
  if (during.length) rows.push(["during", during.map((fault) => fault.name).join(", ")]);
  return rows;
}

/** What the drawing of the counterexample needs of operation `i`. */
function memberOf(i) {
  return {
    i, process: run.process[i], label: text("label", i), outcome: run.outcome[i],
    start: run.start[i], end: run.end[i], isKey: false,
  };
}

function drawCounterexample() {
  if (!byId("counterexample-drawing")) return;
  drawMembers((run.counterexample ?? []).map(memberOf));
}
