// A counterexample: its operations alone, as bars by process, with their labels.
// Only the order of events matters to linearizability, so gaps are shortened unless asked.

const LINE = 30, BAR = 20, SIDE = 84;

/** Draws operations as `memberOf` gives them, and returns where everything came to lie. `start` and
    `end` place them; `timeOf`, where given, tells the time at such a place. */
function drawMembers(members, timeOf = (place) => place) {
  const place = byId("counterexample-drawing");
  place.replaceChildren();
  if (!members.length) {
    place.append("None of its operations is in this report.");
    return null;
  }
  const toScale = byId("to-scale").checked;
  byId("scale-hint").textContent = toScale
    ? "True distances; short operations shrink to a stroke."
    : "The order of events is exact; the gaps between them are shortened.";
  const axis = counterexampleAxis(members, Math.max(300, place.clientWidth), toScale, timeOf);
  const lanes = packedLanes(members, axis);
  const height = 12 + lanes.reduce((sum, lane) => sum + lane.rows * LINE + 8, 0) + 34;
  const picture = drawn("svg", {
    width: axis.width, height, viewBox: `0 0 ${axis.width} ${height}`, role: "img",
    "aria-label": "Operations of the counterexample: "
      + members.map((member) => sentence(member, timeOf)).join("; "),
  });
  drawCounterexampleGrid(picture, axis, height);
  let y = 12;
  for (const lane of lanes) {
    lane.top = y;
    drawLane(picture, axis, lane, y);
    y += lane.rows * LINE + 8;
  }
  place.append(picture);
  return { picture, axis, lanes };
}

function sentence({ process, label, outcome, start, end }, timeOf) {
  return `process ${process}: ${label}, ${moment(timeOf(start), 1e3)} to `
    + (outcome === INFO ? "unknown" : moment(timeOf(end), 1e3));
}

/** A point in time as the axis counts it. */
function moment(time, step) {
  const at = time + (run.origin ?? 0);
  return run.inNanoseconds ? at + " ns" : instant(at, step);
}

/** Places each event in time. To scale, or with gaps as the fourth root of what they are. An
    operation of unknown outcome has no end: that its client gave up is no event. */
function counterexampleAxis(members, width, toScale, timeOf) {
  const places = [...new Set(members.flatMap((member) =>
    (member.outcome === INFO ? [member.start] : [member.start, member.end])))];
  places.sort((a, b) => a - b);
  const times = places.map(timeOf);
  const gaps = times.slice(1).map((time, k) => time - times[k]);
  const weights = toScale ? gaps : gaps.map((gap) => 1 + Math.min(4, (gap / 1e5) ** 0.25));
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  const needed = SIDE + 40 + (toScale ? 0 : times.length * 26);
  const whole = Math.max(width - 2, Math.min(needed, 6000)), room = whole - SIDE - 90;
  const across = [SIDE + 12];
  weights.forEach((weight, k) => across.push(across[k] + (weight / total) * room));
  return { width: whole, times, across, x: (place) => across[lowerBound(places, place)] };
}

/** Processes in the order of their first operation; in each, operations side by side in as few
    rows as their bars and labels allow. */
function packedLanes(members, axis) {
  const context = document.createElement("canvas").getContext("2d"), lanes = new Map();
  context.font = FONT;
  for (const member of members) {
    const { process } = member;
    const lane = lanes.get(process) ?? { process, items: [], ends: [] };
    lanes.set(process, lane);
    const x = axis.x(member.start), isInfo = member.outcome === INFO;
    const end = Math.max(x + 4, isInfo ? axis.width - 2 : axis.x(member.end));
    const w = context.measureText(member.label).width + 14, inside = w <= end - x;
    const after = !inside && end + w <= axis.width;
    const from = inside || after ? x : x - w, to = after ? end + w : end;
    let row = lane.ends.findIndex((taken) => taken + 6 <= from);
    if (row < 0) row = lane.ends.length;
    lane.ends[row] = to;
    lane.items.push({ ...member, x, until: end, words: w, inside, after, row, isInfo });
  }
  return [...lanes.values()].map((lane) => ({ ...lane, rows: lane.ends.length }));
}

function drawCounterexampleGrid(picture, axis, height) {
  const bottom = height - 30;
  const defs = drawn("defs", {}, drawn("linearGradient", { id: "fade" },
    drawn("stop", { offset: "0", "stop-color": "var(--info)", "stop-opacity": "0.4" }),
    drawn("stop", { offset: "1", "stop-color": "var(--info)", "stop-opacity": "0.04" })));
  picture.append(defs);
  const closest = axis.times.slice(1).reduce((least, time, k) =>
    Math.min(least, time - axis.times[k]), 1e6);
  let free = -Infinity;
  axis.times.forEach((time, k) => {
    const x = axis.across[k];
    picture.append(drawn("line", { x1: x, x2: x, y1: 6, y2: bottom, stroke: "var(--line)" }));
    if (x < free) return;
    const place = { x, y: bottom + 16, fill: "var(--muted)", "text-anchor": "middle" };
    const words = moment(time, Math.max(run.inNanoseconds ? 1 : 1e3, closest));
    picture.append(drawn("text", place, words));
    free = x + 84;
  });
}

function drawLane(picture, axis, lane, top) {
  const title = { x: 12, y: top + 14, fill: "var(--muted)" };
  picture.append(drawn("text", title, "process " + lane.process));
  picture.append(drawn("line", {
    x1: 0, x2: axis.width, y1: top + lane.rows * LINE + 1, y2: top + lane.rows * LINE + 1,
    stroke: "var(--line)",
  }));
  for (const item of lane.items) {
    const { i, x, until: end, inside, after, row, isInfo, outcome, label } = item;
    const y = top + row * LINE, colour = `var(--${OUTCOMES[outcome]})`;
    const group = drawn("g", { style: "cursor:pointer" });
    group.append(drawn("rect", {
      x, y, width: end - x, height: BAR, rx: 2, fill: isInfo ? "url(#fade)" : colour,
      ...(outcome === FAIL
        && { "fill-opacity": 0.15, stroke: colour, "stroke-dasharray": "4 2" }),
    }));
    if (isInfo) group.append(drawn("rect", { x, y, width: 4, height: BAR, fill: colour }));
    const solid = inside && outcome === OK;
    group.append(drawn("text", {
      x: inside ? x + (isInfo ? 10 : 6) : after ? end + 6 : x - 6, y: y + 14,
      "text-anchor": inside || after ? "start" : "end",
      fill: solid ? "var(--bar-ink)" : "var(--ink)",
    }, label));
    if (item.isKey) group.append(drawn("rect", {
      x: x - 2, y: y - 2, width: end - x + 4, height: BAR + 4, rx: 3, fill: "none",
      stroke: "var(--bad)", "stroke-width": 1.75,
    }));
    group.addEventListener("pointermove",
      (event) => showTooltip(event, label, rowsOf(i)));
    group.addEventListener("pointerleave", hideTooltip);
    group.addEventListener("click", () => goTo(i));
    picture.append(group);
  }
}
