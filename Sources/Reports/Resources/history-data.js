// A checked history: columns as HistoryColumns.swift packed them, and an operation in words.
// Swift joins the scripts of this page into one module: common.js, camera.js, this one,
// history-points.js, history-lanes.js, axis.js, counterexample.js, history-orders.js,
// history-view.js, history-timeline.js, history-marks.js, controls.js, history-start.js.

const page = JSON.parse(byId("page-data").textContent);
const run = readHistory(page);

/** The bytes of one column. Its element is dropped, for a large page holds many megabytes. */
function bytesOf(name) {
  const node = byId("column-" + name);
  if (!node) return new Uint8Array();
  const text = node.textContent;
  node.remove();
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = binary.charCodeAt(k);
  return bytes;
}

/** `count` numbers of variable length, seven bits a byte; all 0 where the column was left out. */
function column(name, count, kind, change = (value) => value) {
  const bytes = bytesOf(name), values = new kind(count);
  if (!bytes.length) return values.map(change);
  let at = 0;
  for (let k = 0; k < count; k++) {
    let byte = bytes[at++], value = byte & 127, scale = 128;
    while (byte > 127) {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    }
    values[k] = change(value);
  }
  return values;
}

/** Columns of differences become their sums, in place. */
function summed(values) {
  for (let k = 1; k < values.length; k++) values[k] += values[k - 1];
  return values;
}

/** 0, -1, 1, -2, … as 0, 1, 2, 3, … */
function signed(value) {
  return value % 2 ? -(value + 1) / 2 : value / 2;
}

function lessOne(value) {
  return value - 1;
}

function readHistory(data) {
  const { count } = data, functions = data.functions.length;
  const index = summed(column("index", count, Float64Array));
  const took = column("took", count, Float64Array);  // events until the completion, 0: none
  const start = summed(column("start", count, Float64Array));
  const length = column("length", count, Float64Array, lessOne);
  const outcome = new Uint8Array(count), name = new Uint16Array(count);
  column("kind", count, Uint32Array).forEach((kind, i) => {
    outcome[i] = kind % 3;
    name[i] = Math.floor(kind / 3);
  });
  const end = start.map((time, i) => time + Math.max(0, length[i]));
  const byOrder = { start: index, end: index.map((place, i) => place + took[i]) };
  let span = 1, last = 1;
  for (let i = 0; i < count; i++) {
    if (end[i] > span) span = end[i];
    if (byOrder.end[i] > last) last = byOrder.end[i];
  }
  for (const fault of data.faults) fault.times = [fault.start, fault.end ?? span];
  for (const fault of data.faults) span = Math.max(span, ...fault.times);
  return {
    ...data, count, index, took, length, outcome, function: name, functionCount: functions,
    byTime: { start, end, span }, byOrder: { ...byOrder, span: last },
    process: column("process", count, Float64Array, signed),
    key: column("key", count, Int32Array, lessOne),
    argument: column("argument", count, Float64Array),
    result: column("result", count, Float64Array),
    remark: column("remark", count, Int32Array, lessOne),
    node: column("node", count, Int32Array, lessOne),
    error: column("error", count, Int32Array, lessOne),
    inNanoseconds: Math.abs(data.origin) + span < 1e6,
  };
}

/** Makes `byTime` or `byOrder` the axis that everything is drawn on. */
function useAxis(isTime) {
  const axis = isTime ? run.byTime : run.byOrder;
  Object.assign(run, axis);
  run.isTime = isTime;
  run.narrowest = isTime ? Math.min(2e3, Math.max(4, run.span / 4)) : Math.min(6, run.span);
  run.axisLabel = isTime ? moment : (value) => "#" + (page.firstIndex + Math.round(value));
  for (const fault of run.faults) {
    [fault.start, fault.until] = isTime ? fault.times : fault.times.map(orderAt);
  }
}

/** The first event at or after `time`, as far as invocations tell. */
function orderAt(time) {
  const i = lowerBound(run.byTime.start, time);
  return i < run.count ? run.index[i] : run.byOrder.span;
}

/** A value as HistoryColumns.swift coded it: 0 is absent, odd an integer, even a string. */
function valueText(code) {
  if (code === 0) return "nil";
  return code % 2 ? String((code - 1) / 2) : run.strings[code / 2 - 1];
}

/** Words about operation `i`; "" where there are none. */
function text(name, i) {
  if (name === "label") return labelOf(i, run.outcome[i]);
  if (name === "function") return run.functions[run.function[i]];
  return run.strings[run[name][i]] ?? "";
}

const SILENT = new Set(["acquire", "release"]);  // functions whose result is nothing

function labelOf(i, outcome) {
  const name = text("function", i), argument = run.argument[i], result = run.result[i];
  const call = argument === 0 ? name : `${name} ${valueText(argument)}`;
  const remark = run.remark[i] >= 0 ? ", " + text("remark", i) : "";
  if (outcome === FAIL) return `${call} → fail${remark}`;
  if (outcome === INFO) return `${call} → ?`;
  const says = argument === 0 ? result !== 0 || !SILENT.has(name) : result !== 0;
  return says && result !== argument ? `${call} → ${valueText(result)}` : call;
}

/** Rows [name, value] of what is known of operation `i`. */
function rowsOf(i) {
  const answered = run.length[i] >= 0, info = run.outcome[i] === INFO;
  const { start, end } = run.byTime;
  const step = run.inNanoseconds ? 1 : 1e3, invoked = page.firstIndex + run.index[i];
  const rows = [["process", String(run.process[i])]];
  if (run.key[i] >= 0) rows.push(["key", text("key", i)]);
  rows.push(
    ["outcome", OUTCOMES[run.outcome[i]] + (info ? ": it may have happened, then or later" : "")],
    ["events", invoked + (run.took[i] ? ` – ${invoked + run.took[i]}` : ", never completed")],
    ["time", moment(start[i], step) + (answered ? " – " + moment(end[i], step) : "")]);
  if (answered) rows.push(["took", duration(run.length[i])]);
  if (run.node[i] >= 0) rows.push(["node", text("node", i)]);
  if (run.error[i] >= 0) rows.push(["error", text("error", i)]);
  const during = run.faults.filter((f) => f.times[0] <= end[i] && f.times[1] >= start[i]);
  if (during.length) rows.push(["during", during.map((fault) => fault.name).join(", ")]);
  return [...rows, ...pointRows(i)];
}
