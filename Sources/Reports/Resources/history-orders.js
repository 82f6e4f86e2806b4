// The counterexample of the key that is looked at: its drawing, and on it the order that was
// chosen among those that end in a dead end.

const orders = { chosen: 0, drawing: null };

/** What the drawing needs of one operation, relaxed as the counterexample has it. */
function relaxedMember({ place, outcome, isKey }) {
  return {
    i: place, process: run.process[place], label: labelOf(place, outcome), outcome, isKey,
    start: run.byOrder.start[place], end: run.byOrder.end[place],
  };
}

function drawCounterexample() {
  const shown = chosenKey()?.counterexample;
  if (!byId("counterexample-drawing")) return;
  byId("counterexample-section").hidden = !shown;
  if (!shown) return;
  const times = new Map(shown.members.flatMap(({ place }) => [
    [run.byOrder.start[place], run.byTime.start[place]],
    [run.byOrder.end[place], run.byTime.end[place]],
  ]));
  orders.drawing = drawMembers(shown.members.map(relaxedMember), (event) => times.get(event));
  drawChosenOrder(shown.orders[orders.chosen]);
}

/** Numbers the operations in the chosen order, where each may have taken effect, and marks the
    one that comes too late. */
function drawChosenOrder(order) {
  if (!order || !orders.drawing) return;
  const { picture, lanes: rows } = orders.drawing;
  const boxes = new Map(rows.flatMap((row) => row.items.map((item) =>
    [item.i, { ...item, y: row.top + item.row * LINE + BAR / 2 }])));
  const placed = order.operations.filter((i) => boxes.has(i)).map((i) => boxes.get(i));
  const across = pointsAcross(placed);
  const line = placed.map((box, k) => `${across[k]},${box.y}`).join(" ");
  picture.append(drawn("polyline", {
    points: line, fill: "none", stroke: "var(--ink)", "stroke-opacity": 0.45,
    "pointer-events": "none",
  }));
  placed.forEach((box, k) => {
    const group = drawn("g", { "pointer-events": "none" },
      drawn("circle", {
        cx: across[k], cy: box.y, r: 8, fill: "var(--page)", stroke: "var(--ink)",
      }),
      drawn("text", {
        x: across[k], y: box.y + 4, "text-anchor": "middle", fill: "var(--ink)", "font-size": 11,
      }, String(k + 1)));
    picture.append(group);
  });
  const due = boxes.get(order.due);
  if (!due) return;
  const x = due.until - 9, { y } = due;
  picture.append(drawn("g", { "pointer-events": "none" },
    drawn("circle", { cx: x, cy: y, r: 8, fill: "var(--page)", stroke: "var(--bad)" }),
    drawn("path", {
      d: `M${x - 3.5} ${y - 3.5}l7 7m0-7l-7 7`, stroke: "var(--bad)", "stroke-width": 2,
    })));
}

/** Where the points lie: within each bar, in order, and apart where there is room. */
function pointsAcross(placed) {
  const latest = [];
  let bound = Infinity;
  for (let k = placed.length - 1; k >= 0; k--) {
    bound = Math.min(bound, placed[k].until - 10);
    latest[k] = bound;
  }
  let least = 0;
  return placed.map((box, k) => {
    const earliest = Math.max(box.x + 10, least);
    const alike = latest.slice(k).filter((value) => value === latest[k]).length;
    const middle = earliest + Math.max(0, latest[k] - earliest) / (alike + 1);
    const free = box.x + (box.inside ? box.words + 6 : 0);  // beside the label, not upon it
    const x = Math.min(Math.max(middle, free), Math.max(middle, latest[k]));
    least = x + 14;
    return x;
  });
}

/** Shows what is said of the key that is looked at, and nothing of the others. */
function showKey() {
  orders.chosen = 0;
  for (const part of document.querySelectorAll("[data-of-key]")) {
    part.hidden = Number(part.dataset.ofKey) !== view.key;
  }
  chooseOrder(0);
}

function chooseOrder(number) {
  orders.chosen = number;
  for (const button of document.querySelectorAll("button[data-order]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.order) === number));
  }
  drawCounterexample();
}

function connectOrders() {
  for (const button of document.querySelectorAll("button[data-order]")) {
    button.addEventListener("click", () => chooseOrder(Number(button.dataset.order)));
  }
  for (const link of document.querySelectorAll("button[data-operation]")) {
    link.addEventListener("click", () => goTo(Number(link.dataset.operation)));
  }
  for (const link of document.querySelectorAll("button[data-key]")) {
    link.addEventListener("click", () => chooseKey(Number(link.dataset.key)));
  }
}
