// Which part of the time axis is in view, and how that changes. `view` and `run` are the page's.

const MARGIN = 0.01;  // of the run, empty on either side
const NARROWEST = 2e3;  // nanoseconds across the screen, unless the page says otherwise

/** Shows `from` to `to`, as far as the run goes. */
function show(from, to) {
  const least = -run.span * MARGIN, most = run.span * (1 + MARGIN);
  const span = Math.min(most - least, Math.max(narrowest(), to - from));
  const centre = (from + to) / 2;
  view.from = Math.min(Math.max(least, centre - span / 2), most - span);
  view.to = view.from + span;
  requestTimeline();
}

/** Zooms by `factor` about `time`, which stays where it is on the screen. */
function zoom(factor, time = (view.from + view.to) / 2) {
  const span = view.to - view.from;
  const next = Math.min(run.span * (1 + 2 * MARGIN), Math.max(narrowest(), span * factor));
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

function narrowest() {
  return run.narrowest ?? NARROWEST;
}

function requestTimeline() {
  if (timeline.requested) return;
  timeline.requested = true;
  requestAnimationFrame(() => { timeline.requested = false; drawTimeline(); });
}

const timeToX = (time) =>
  timeline.left + ((time - view.from) / (view.to - view.from)) * timeline.width;
const xToTime = (x) =>
  view.from + ((x - timeline.left) / timeline.width) * (view.to - view.from);

function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
