// What the timeline of a checked history shows: which key, which operations are lit, which one is
// selected. Not here: which part of the time axis (camera.js), drawing it (history-timeline.js).

const view = {
  from: 0, to: 1, lit: new Uint8Array(run.count), matches: new Int32Array(0), selected: -1,
  key: -1, byFunction: false, colours: [], members: new Uint8Array(run.count),
};

const MOST_KEYS = 2000;  // in the list; the search finds the others

/** The key that is looked at, or undefined for all. */
function chosenKey() {
  return page.keys[view.key];
}

function colourOf(i) {
  return view.byFunction ? run.function[i] % view.colours.length : run.outcome[i];
}

function fillColours() {
  view.byFunction = byId("colouring").value === "function";
  const functions = colours.functions.slice(0, Math.max(1, run.functionCount));
  view.colours = view.byFunction ? functions : colours.outcomes;
}

/** Lights the operations that pass all filters. A search looks beyond the counterexample. */
function applyFilters() {
  const wanted = (id) => (byId(id).value === "" ? -1 : Number(byId(id).value));
  view.key = wanted("filter-key");
  const key = chosenKey()?.key ?? -2, name = wanted("filter-function");
  const outcome = wanted("filter-outcome"), accepts = searched(byId("search").value);
  const only = (byId("only-counterexample")?.checked ?? false) && !accepts;
  const matches = new Int32Array(run.count);
  let found = 0;
  for (let i = 0; i < run.count; i++) {
    const lit = (key === -2 || run.key[i] === key) && (name < 0 || run.function[i] === name)
      && (outcome < 0 || run.outcome[i] === outcome) && (!only || view.members[i])
      && (!accepts || accepts(i));
    view.lit[i] = lit ? 1 : 0;
    if (lit) matches[found++] = i;
  }
  view.matches = matches.slice(0, found);
  byId("matches").textContent = found === run.count
    ? `${grouped(found)} ${found === 1 ? "operation" : "operations"}`
    : `${grouped(found)} of ${grouped(run.count)}`;
  for (const id of ["previous-match", "next-match"]) byId(id).disabled = found === 0;
  countLit();
  requestTimeline();
}

/** The test that `query` asks for, or null for none. Its words must all hold; each may name where
    to look: `process:3 value:7`. Quotation marks keep a word with spaces together. */
function searched(query) {
  const words = query.toLowerCase().match(/[a-z]+:"[^"]*"?|"[^"]*"?|\S+/g) ?? [];
  const tests = words.map((word) => {
    const colon = word.indexOf(":"), start = word.slice(0, Math.max(0, colon));
    const field = start === "f" ? "function" : FIELDS.find((name) => name === start);
    return wordTest(field, (field ? word.slice(colon + 1) : word).replaceAll('"', ""));
  });
  return tests.length ? (i) => tests.every((test) => test(i)) : null;
}

const FIELDS = ["index", "process", "function", "key", "value", "node", "error"];

function wordTest(field, needle) {
  const tests = (field ? [field] : FIELDS).map((name) => fieldTest(name, needle, !field));
  return (i) => tests.some((test) => test(i));
}

/** A number is found as a whole: who looks for 12 does not mean 1120. */
function fieldTest(field, needle, isAnywhere) {
  const number = /^-?[0-9]+$/.test(needle) ? Number(needle) : NaN;
  const whole = Number.isNaN(number) ? null
    : new RegExp(`(?<![0-9a-z.])${needle}(?![0-9a-z.])`, "i");
  const has = (string) => (whole ? whole.test(string) : string.toLowerCase().includes(needle));
  if (field === "index") {
    const at = number - page.firstIndex;
    return (i) => run.index[i] === at || (run.took[i] > 0 && run.index[i] + run.took[i] === at);
  }
  if (field === "process") return (i) => run.process[i] === number;
  if (field === "function") {
    const found = run.functions.map((name) => (isAnywhere ? has(name) : name === needle));
    return (i) => found[run.function[i]];
  }
  view.found ??= new Map();
  if (!view.found.has(needle)) {
    view.found.clear();
    view.found.set(needle, Uint8Array.from(run.strings, (string) => (has(string) ? 1 : 0)));
  }
  const found = view.found.get(needle);
  if (field !== "value") return (i) => found[run[field][i]] === 1;
  const code = number >= 0 ? number * 2 + 1 : needle === "nil" ? 0 : -1;
  const holds = (value) => value === code || (value > 0 && value % 2 === 0 && found[value / 2 - 1]);
  return (i) => holds(run.argument[i]) || holds(run.result[i])
    || (run.remark[i] >= 0 && found[run.remark[i]] === 1);
}

function select(i) {
  view.selected = i;
  const rows = rowsOf(i).map(([name, value]) => `${name} ${value}`).join(" · ");
  byId("selected").replaceChildren(element("strong", {}, text("label", i)), " — " + rows);
  for (const [id, direction] of [["previous-point", -1], ["next-point", 1]]) {
    byId(id).disabled = neighbour(i, direction) < 0;
  }
  requestTimeline();
}

/** Selects operation `i` and brings it into view, near enough to be seen as a bar. */
function goTo(i) {
  select(i);
  const length = run.end[i] - run.start[i];
  const wide = Math.max(length, run.span / run.count) * 24;
  const span = Math.min(view.to - view.from, wide);
  const middle = (run.start[i] + run.end[i]) / 2;
  show(middle - span / 2, middle + span / 2);
  const top = lanes.laneOf[i] * timeline.lane, plot = byId("timeline-plot");
  if (plot.scrollHeight > plot.clientHeight) plot.scrollTop = top - plot.clientHeight / 2;
  byId("timeline-section").scrollIntoView({ block: "nearest" });
}

/** Goes to the next match after the selected operation or the start of the view; `direction` -1
    goes back. */
function goToMatch(direction) {
  const { matches, selected } = view;
  if (!matches.length) return;
  let at;
  if (selected >= 0) {
    at = lowerBound(matches, selected);
    if (direction < 0) at -= 1; else if (matches[at] === selected) at += 1;
  } else {
    at = lowerBound(matches, lowerBound(run.start, view.from)) + (direction < 0 ? -1 : 0);
  }
  goTo(matches[(at + matches.length) % matches.length]);
}

/** Follows the witness from the selected operation. */
function goToPoint(direction) {
  const i = view.selected < 0 ? -1 : neighbour(view.selected, direction);
  if (i >= 0) goTo(i);
}

/** The counterexample with some room around it, else the whole history; a large valid one where
    it begins would show nothing but its beginning. */
function showFirstView() {
  const members = chosenKey()?.counterexample?.members ?? [];
  if (!members.length) { showAll(); return; }
  const places = members.map((member) => member.place);
  const from = Math.min(...places.map((i) => run.start[i]));
  const to = Math.max(...places.map((i) => (run.outcome[i] === INFO ? run.start : run.end)[i]));
  const room = Math.max((to - from) * 0.25, (run.span / run.count) * 4);
  show(from - room, to + room);
}
