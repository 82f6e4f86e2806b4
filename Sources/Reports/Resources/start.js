// Draws everything and connects the overview; the timeline connects itself (controls.js).

function fillLegends() {
  const line = (name, dash = []) => drawn("path", {
    d: "M0 7h26", fill: "none", stroke: `var(--${name})`, "stroke-width": 1.75,
    "stroke-dasharray": dash.join(" "),
  });
  const sign = (name, d) =>
    drawn("path", { d, fill: "none", stroke: `var(--${name})`, "stroke-width": 1.5 });
  const box = (x, width, height, name, opacity = 1) => drawn("rect", {
    x, width, y: 7 - height / 2, height, fill: `var(--${name})`, "fill-opacity": opacity,
  });
  byId("overview-legend").replaceChildren(
    legendEntry("ok", drawn("circle", { cx: 13, cy: 7, r: 3, fill: "var(--ok)" })),
    legendEntry("fail", sign("fail", "M9 3l8 8m0-8l-8 8")),
    legendEntry("info (unknown)", sign("info", "M13 2l5 9H8z")),
    legendEntry("median of ok", line("quantile")),
    legendEntry("99th percentile of ok", line("quantile", [4, 3])),
    ...(run.faults.length ? [legendEntry("fault", box(3, 20, 14, "fault", 0.25))] : []),
    ...run.functions.map((number, k) =>
      legendEntry(`${run.strings[number]} per second`, line("f" + (k % 6), DASHES[k % 6]))));
  byId("timeline-legend").replaceChildren(
    legendEntry("ok", box(2, 22, 14 * TALL[OK], "ok")),
    legendEntry("fail", box(2, 22, 14 * TALL[FAIL], "fail")),
    legendEntry("info: outcome unknown, so open to the right", box(2, 2, 14, "info"),
      ...[0.45, 0.3, 0.15, 0.07].map((opacity, k) => box(4 + k * 5, 5, 14, "info", opacity))));
}

function fillFilters() {
  const fill = (id, places) => {
    const names = [...new Set(places)].filter((place) => place >= 0)
      .sort((a, b) => run.strings[a].localeCompare(run.strings[b], "en", { numeric: true }));
    byId(id).append(element("option", { value: "" }, "all"),
      ...names.map((place) => element("option", { value: place }, run.strings[place])));
    byId(id).closest("label").hidden = names.length === 0;
  };
  fill("filter-key", run.key);
  fill("filter-function", run.function);
}

function overviewRows(time) {
  const k = Math.floor(time / overview.step), rows = [];
  for (const figures of overview.bucketed) {
    const sorted = figures.latencies[k] ?? [];
    const known = sorted.length
      ? [`p50 ${duration(quantile(sorted, 0.5))}`, `p99 ${duration(quantile(sorted, 0.99))}`] : [];
    const rates = figures.rates.map((rate, outcome) =>
      `${amount(rate[k] ?? 0)} ${OUTCOMES[outcome]}/s`);
    rows.push([figures.name, [...known, ...rates].join(" · ")]);
  }
  const during = run.faults.map((fault, n) => ({ ...fault, n: n + 1 }))
    .filter((fault) => fault.start <= time && time <= fault.until);
  for (const fault of during) rows.push([`fault ${fault.n}`, `${fault.name}: ${fault.detail}`]);
  const leader = overview.leaders.find((change) => change.time <= time && time < change.until);
  if (leader) rows.push(["leader", leader.node ? `${leader.node}, term ${leader.term}` : "none"]);
  return rows;
}

function overOverview(event) {
  const { plan, cursor, bottom } = overview, x = event.offsetX, y = event.offsetY;
  const context = prepare(cursor, cursor.parentElement.clientWidth, bottom + 22);
  const time = ((x - plan.left) / plan.width) * run.span;
  if (time < 0 || time > run.span) { hideTooltip(); return; }
  let nearest = null, best = 7;
  for (const point of overview.points) {
    const distance = Math.hypot(point.x - x, point.y - y);
    if (distance < best) { nearest = point; best = distance; }
  }
  context.fillStyle = colours.ink;
  context.globalAlpha = 0.6;
  context.fillRect(Math.round(x), 4, 1, bottom - 4);
  context.globalAlpha = 1;
  if (nearest) {
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(nearest.x, nearest.y, 6, 0, 2 * Math.PI);
    context.stroke();
    showTooltip(event, text("label", nearest.i), rowsOf(nearest.i));
  } else {
    showTooltip(event, instant(time, overview.step / 10), overviewRows(time));
  }
  overview.nearest = nearest;
}

function connectOverview() {
  const { canvas, cursor } = overview;
  canvas.addEventListener("pointermove", overOverview);
  canvas.addEventListener("pointerleave", () => {
    prepare(cursor, cursor.parentElement.clientWidth, overview.bottom + 22);
    hideTooltip();
  });
  canvas.addEventListener("click", (event) => {
    const time = ((event.offsetX - overview.plan.left) / overview.plan.width) * run.span;
    if (overview.nearest) goTo(overview.nearest.i);
    else show(time - run.span / 40, time + run.span / 40);
  });
}

/** The counterexample with some room around it, else the whole run. Where an operation of unknown
    outcome was given up says nothing, and may be long after. */
function showFirstView() {
  const members = run.counterexample ?? [];
  if (!members.length) { showAll(); return; }
  const from = Math.min(...members.map((i) => run.start[i]));
  const to = Math.max(...members.map((i) => (run.outcome[i] === INFO ? run.start : run.end)[i]));
  const room = Math.max((to - from) * 0.25, 1e5);
  show(from - room, to + room);
}

function drawAll() {
  readColours();
  drawCounterexample();
  if (!run.count) return;
  drawOverview();
  sizeTimeline();
  drawTimeline();
}

function start() {
  byId("to-scale")?.addEventListener("change", drawCounterexample);
  if (run.count) {
    measureOverview();
    fillLanes();
    fillFilters();
    fillLegends();
    connectOverview();
    connectTimeline();
    connectControls();
    applyFilters();
    showFirstView();
  }
  drawAll();
  addEventListener("resize", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  const printing = (isOn) => () => {
    document.documentElement.classList.toggle("printing", isOn);
    drawAll();
  };
  addEventListener("beforeprint", printing(true));
  addEventListener("afterprint", printing(false));
  document.documentElement.dataset.operations = run.count;
  document.documentElement.dataset.milliseconds = Math.round(performance.now());
  document.documentElement.dataset.ready = "true";
}

start();
