// Draws everything and connects what is this page's own.

function fillLegend() {
  const box = (x, width, height, colour, opacity = 1) => drawn("rect", {
    x, width, y: 7 - height / 2, height, fill: colour, "fill-opacity": opacity,
  });
  const colour = (outcome) => (view.byFunction ? "var(--muted)" : `var(--${OUTCOMES[outcome]})`);
  const functions = view.byFunction
    ? run.functions.map((name, k) => legendEntry(name,
      box(2, 22, 11, view.colours[k % view.colours.length]))) : [];
  byId("timeline-legend").replaceChildren(
    ...functions,
    legendEntry("ok", box(2, 22, 14 * TALL[OK], colour(OK))),
    legendEntry("fail", box(2, 22, 14 * TALL[FAIL], colour(FAIL))),
    legendEntry("info: outcome unknown, so open to the right", box(2, 2, 14, colour(INFO)),
      ...[0.45, 0.3, 0.15, 0.07].map((opacity, k) => box(4 + k * 5, 5, 14, colour(INFO), opacity))),
    ...(points.place.length ? [legendEntry("took effect here, in the witness", drawn("path", {
      d: "M13 2l5 5-5 5-5-5z", fill: "var(--page)", stroke: "var(--ink)",
    }))] : []),
    ...(run.faults.length ? [legendEntry("fault", box(3, 20, 14, "var(--fault)", 0.25))] : []));
}

function fillFilters() {
  const option = (value, words) => element("option", { value }, words);
  const named = page.keys.map(({ key }, k) => ({ k, key })).filter(({ key }) => key >= 0);
  const select = byId("filter-key");
  select.append(option("", "all"));
  for (const { k, key } of named.slice(0, MOST_KEYS)) {
    const { verdict } = page.keys[k];
    const mark = verdict === "valid" ? "" : ` (${verdict})`;
    select.append(option(k, run.strings[key] + mark));
  }
  select.closest("label").hidden = named.length === 0;
  byId("filter-function").append(option("", "all"),
    ...run.functions.map((name, k) => option(k, name)));
  const first = page.keys.length === 1 || page.keys[0]?.verdict === "invalid" ? 0 : "";
  if (named.length === 0 && page.keys.length) select.append(option(0, "the object"));
  select.value = String(first);
}

function chooseKey(k) {
  const select = byId("filter-key");
  if (![...select.options].some((option) => option.value === String(k))) {
    select.append(element("option", { value: k }, run.strings[page.keys[k].key]));
  }
  select.value = String(k);
  changeKey();
  byId("timeline-section").scrollIntoView({ block: "nearest" });
}

function changeKey() {
  markMembers();
  applyFilters();
  showKey();
  showFirstView();
  sizeTimeline();
}

function markMembers() {
  view.key = byId("filter-key").value === "" ? -1 : Number(byId("filter-key").value);
  view.members.fill(0);
  for (const { place } of chosenKey()?.counterexample?.members ?? []) view.members[place] = 1;
  const only = byId("only-counterexample");
  if (!only) return;
  only.checked = chosenKey()?.counterexample !== undefined;
  only.disabled = !only.checked;
}

/** Takes the axis chosen, and stays where one was. */
function changeAxis() {
  const middle = lowerBound(run.start, (view.from + view.to) / 2);
  const part = (view.to - view.from) / run.span;
  useAxis(byId("axis").value === "time");
  placePoints();
  placeLanes();
  const at = run.start[Math.min(middle, run.count - 1)], half = (part * run.span) / 2;
  show(at - half, at + half);
}

function connectPage() {
  byId("filter-key").addEventListener("input", changeKey);
  byId("axis").addEventListener("input", changeAxis);
  byId("show-points").addEventListener("input", requestTimeline);
  byId("colouring").addEventListener("input", () => { fillColours(); countLit(); fillLegend(); });
  byId("previous-point").addEventListener("click", () => goToPoint(-1));
  byId("next-point").addEventListener("click", () => goToPoint(1));
  KEYS["["] = () => goToPoint(-1);
  KEYS["]"] = () => goToPoint(1);
  connectOrders();
}

function drawAll() {
  readColours();
  fillColours();
  fillLegend();
  drawCounterexample();
  sizeTimeline();
  drawTimeline();
}

function start() {
  readColours();
  if (run.count) {
    const isTimed = run.byTime.span > 1;
    byId("axis").value = isTimed ? "time" : "order";
    useAxis(isTimed);
    placePoints();
    fillLanes();
    placeLanes();
    fillFilters();
    fillColours();
    markMembers();
    connectTimeline();
    connectControls();
    connectPage();
    applyFilters();
    showKey();
    showFirstView();
    drawAll();
    addEventListener("resize", drawAll);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    const printing = (isOn) => () => {
      document.documentElement.classList.toggle("printing", isOn);
      drawAll();
    };
    addEventListener("beforeprint", printing(true));
    addEventListener("afterprint", printing(false));
  }
  document.documentElement.dataset.operations = run.count;
  document.documentElement.dataset.milliseconds = Math.round(performance.now());
  document.documentElement.dataset.ready = "true";
}

start();
