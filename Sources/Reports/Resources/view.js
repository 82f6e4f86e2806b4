// What the timeline shows: which operations are lit, which is selected.
// Not here: which part of the run (camera.js), drawing it (timeline.js), controls (controls.js).

const view = {
  from: 0, to: 1, lit: new Uint8Array(run.count), matches: [], selected: -1, lanes: [],
};

/** A lane for each worker: the operations by start. */
function fillLanes() {
  const lanes = new Map();
  for (let i = 0; i < run.count; i++) {
    const worker = run.worker[i];
    if (!lanes.has(worker)) lanes.set(worker, []);
    lanes.get(worker).push(i);
  }
  view.lanes = [...lanes].sort(([a], [b]) => a - b).map(([worker, places]) => ({
    worker, places: Int32Array.from(places),
    starts: Float64Array.from(places, (i) => run.start[i]),
  }));
  view.laneOf = new Map(view.lanes.map((lane, row) => [lane.worker, row]));
}

/** Lights the operations that pass all filters. */
function applyFilters() {
  const wanted = (id) => (byId(id).value === "" ? -2 : Number(byId(id).value));
  const key = wanted("filter-key"), name = wanted("filter-function");
  const outcome = wanted("filter-outcome");
  const only = byId("only-counterexample")?.checked ?? false;
  const found = searched(byId("search").value.trim());
  view.matches = [];
  for (let i = 0; i < run.count; i++) {
    const lit = (key === -2 || run.key[i] === key) && (name === -2 || run.function[i] === name)
      && (outcome === -2 || run.outcome[i] === outcome) && (!only || run.inCounterexample[i])
      && (!found || found[run.label[i]] || found[run.error[i]] || found[run.node[i]]);
    view.lit[i] = lit ? 1 : 0;
    if (lit) view.matches.push(i);
  }
  byId("matches").textContent = view.matches.length === run.count
    ? `${grouped(run.count)} ${run.count === 1 ? "operation" : "operations"}`
    : `${grouped(view.matches.length)} of ${grouped(run.count)}`;
  for (const id of ["previous-match", "next-match"]) byId(id).disabled = !view.matches.length;
  requestTimeline();
}

/** For each string, whether it holds `query`; null for no query. A number is found as a whole:
    who looks for 12 does not mean 1120. */
function searched(query) {
  if (query === "") return null;
  const needle = query.toLowerCase();
  if (!/^-?[0-9]+$/.test(needle)) return run.strings.map((s) => s.toLowerCase().includes(needle));
  const whole = new RegExp(`(?<![0-9a-z.])${needle}(?![0-9a-z.])`, "i");
  return run.strings.map((s) => s.includes(needle) && whole.test(s));
}

function select(i) {
  view.selected = i;
  const rows = rowsOf(i).map(([name, value]) => `${name} ${value}`).join(" · ");
  byId("selected").replaceChildren(element("strong", {}, text("label", i)), " — " + rows);
  requestTimeline();
}

/** Selects operation `i` and brings it into view, near enough to be seen as a bar. */
function goTo(i) {
  select(i);
  const wide = Math.max(run.length[i], 1e4) * 24;
  const span = Math.min(view.to - view.from, Math.max(wide, 2e7));
  const middle = (run.start[i] + run.end[i]) / 2;
  show(middle - span / 2, middle + span / 2);
  const top = view.laneOf.get(run.worker[i]) * timeline.lane, plot = byId("timeline-plot");
  if (plot.scrollHeight > plot.clientHeight) plot.scrollTop = top - plot.clientHeight / 2;
  byId("timeline-section").scrollIntoView({ block: "nearest" });
}

/** Goes to the next match after the selected operation or the middle of the view; `direction`
    -1 goes back. */
function goToMatch(direction) {
  const { matches, selected } = view;
  if (!matches.length) return;
  let at;
  if (selected >= 0) {
    at = lowerBound(matches, selected);
    if (direction < 0) at -= 1; else if (matches[at] === selected) at += 1;
  } else {
    const middle = (view.from + view.to) / 2;
    at = matches.findIndex((i) => run.start[i] >= middle) + (direction < 0 ? -1 : 0);
  }
  goTo(matches[(at + matches.length) % matches.length]);
}
