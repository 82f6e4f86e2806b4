// The timeline under mouse, fingers and keys, and the buttons above it.

const KEYS = {
  ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15),
  PageUp: () => pan(-0.9), PageDown: () => pan(0.9),
  Home: () => pan(-1e9), End: () => pan(1e9),
  "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: showAll,
  n: () => goToMatch(1), p: () => goToMatch(-1),
  ArrowUp: () => byId("timeline-plot").scrollBy(0, -60),
  ArrowDown: () => byId("timeline-plot").scrollBy(0, 60),
};

function connectTimeline() {
  const { canvas } = timeline;
  connectPointers(canvas);
  canvas.addEventListener("keydown", (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? null : KEYS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  canvas.addEventListener("wheel", (event) => {
    const isOurs = document.activeElement === canvas || event.ctrlKey;
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / 1000);
    else if (isOurs) zoom(Math.exp(event.deltaY / 400), xToTime(event.offsetX));
    else return;
    event.preventDefault();
  }, { passive: false });
  canvas.addEventListener("pointerleave", hideTooltip);
  canvas.addEventListener("dblclick", (event) => zoom(0.3, xToTime(event.offsetX)));
  byId("timeline-plot").addEventListener("scroll", requestTimeline);
}

/** One pointer drags or taps, two pinch. */
function connectPointers(canvas) {
  const down = new Map();
  let drag = null;
  const begin = () => {
    const [first] = down.values();
    drag = first && { x: first.x, from: view.from, to: view.to, moved: drag?.moved ?? false };
  };
  canvas.addEventListener("pointerdown", (event) => {
    down.set(event.pointerId, { x: event.offsetX });
    drag = null;
    begin();
    canvas.setPointerCapture(event.pointerId);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => {
    const i = operationAt(event.offsetX, event.offsetY);
    if (name === "pointerup" && drag && !drag.moved && down.size === 1 && i >= 0) select(i);
    down.delete(event.pointerId);
    begin();
  });
  canvas.addEventListener("pointermove", (event) => {
    const pointer = down.get(event.pointerId);
    if (!pointer) {
      const i = operationAt(event.offsetX, event.offsetY);
      if (i < 0) hideTooltip(); else showTooltip(event, text("label", i), rowsOf(i));
      return;
    }
    if (down.size === 2) { pinch(pointer, event, down); drag.moved = true; return; }
    const by = ((drag.x - event.offsetX) / timeline.width) * (drag.to - drag.from);
    if (Math.abs(drag.x - event.offsetX) > 3) drag.moved = true;
    if (drag.moved) { hideTooltip(); show(drag.from + by, drag.to + by); }
  });
}

function pinch(pointer, event, down) {
  const other = [...down.values()].find((one) => one !== pointer);
  const before = Math.abs(pointer.x - other.x), after = Math.abs(event.offsetX - other.x);
  pointer.x = event.offsetX;
  if (before > 8 && after > 8) zoom(before / after, xToTime(other.x));
}

function connectControls() {
  const form = byId("timeline-form");
  form.addEventListener("input", applyFilters);
  form.addEventListener("submit", (event) => { event.preventDefault(); goToMatch(1); });
  const actions = {
    "previous-match": () => goToMatch(-1), "next-match": () => goToMatch(1),
    "zoom-in": () => zoom(0.5), "zoom-out": () => zoom(2), "zoom-all": showAll,
  };
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
}
