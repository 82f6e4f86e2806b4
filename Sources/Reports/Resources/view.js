// What the timeline shows: which part of the run, which operations are lit, which is selected.
// Not here: drawing it (timeline.js), the controls (start.js).

const view = {
  from: 0, to: 1, lit: new Uint8Array(run.count), matches: [], selected: -1, lanes: [],
};
const MARGIN = 0.01;  // of the run, empty on either side
const NARROWEST = 2e3;  // nanoseconds across the screen

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

/** Shows `from` to `to`, as far as the run goes. */
function show(from, to) {
  const least = -run.span * MARGIN, most = run.span * (1 + MARGIN);
  const span = Math.min(most - least, Math.max(NARROWEST, to - from));
  const centre = (from + to) / 2;
  view.from = Math.min(Math.max(least, centre - span / 2), most - span);
  view.to = view.from + span;
  requestTimeline();
}

/** Zooms by `factor` about `time`, which stays where it is on the screen. */
function zoom(factor, time = (view.from + view.to) / 2) {
  const span = view.to - view.from;
  const next = Math.min(run.span * (1 + 2 * MARGIN), Math.max(NARROWEST, span * factor));
  const from = time - (time - view.from) * (next / span);
  show(from, from + next);
}

/** Moves by a part of what is visible. */
function pan(part) {
  const by = (view.to - view.from) * part;
  show(view.from + by, view.to + by);
}

function showAll() {
  show(-run.span * MARGIN, run.span * (1 + MARGIN));
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

function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
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
