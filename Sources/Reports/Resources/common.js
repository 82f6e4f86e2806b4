// What all drawings of all pages share: units, colours, canvases and the tooltip.
// Not here: a page's own data (report.js, history-data.js).

const OK = 0, FAIL = 1, INFO = 2;
const OUTCOMES = ["ok", "fail", "info"];
const byId = (id) => document.getElementById(id);

/** The first place in sorted `values` that is not below `value`. */
function lowerBound(values, value) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

// ---- units ------------------------------------------------------------------------------------

const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];

/** A duration with three digits that count: "812 µs", "4.21 ms". */
function duration(ns) {
  const [size, unit] = UNITS.find(([size]) => ns >= size * 0.9995) ?? UNITS[3];
  const value = ns / size;
  return trim(value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)) + " " + unit;
}

function trim(digits) {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}

/** A point in time, as exact as `step` between two of its kind needs. */
function instant(ns, step) {
  const digits = Math.max(0, Math.min(9, Math.ceil(9 - Math.log10(step) - 1e-9)));
  return (ns / 1e9).toFixed(digits) + " s";
}

/** 1, 2 or 5 times a power of ten, not below `least`. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= least * 0.999999);
}

function ticks(from, to, most) {
  const step = niceStep((to - from) / Math.max(1, most)), values = [];
  const first = Math.ceil(from / step - 1e-9), last = Math.floor(to / step + 1e-9);
  for (let k = first; k <= last; k++) values.push(k * step);
  return { step, values };
}

// ---- colours and canvases -----------------------------------------------------------------------

let colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const named = (name) => style.getPropertyValue("--" + name).trim();
  for (const name of ["page", "panel", "ink", "muted", "line", "fault", "quantile", "focus"]) {
    colours[name] = named(name);
  }
  colours.outcomes = OUTCOMES.map(named);
  colours.barInk = named("bar-ink");
  colours.functions = [0, 1, 2, 3, 4, 5].map((i) => named("f" + i));
}

const FONT = "12px " + getComputedStyle(document.body).fontFamily;

/** Sizes `canvas` for the screen's pixels and returns its cleared context, in CSS pixels. */
function prepare(canvas, width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
    canvas.style.height = height + "px";
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.globalAlpha = 1;
  return context;
}

/** `string`, cut with an ellipsis to `width`; "" if not even two letters fit. */
function fitted(context, string, width) {
  if (string.length * 14 < width || context.measureText(string).width <= width) return string;
  let low = 0, high = Math.min(string.length, Math.ceil(width / 3));
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(string.slice(0, middle) + "…").width <= width) low = middle;
    else high = middle - 1;
  }
  return low < 2 ? "" : string.slice(0, low) + "…";
}

/** An operation's mark in a scatter plot: the shape tells the outcome as well as the colour. */
function mark(context, outcome, x, y, size) {
  if (outcome === FAIL) {
    context.moveTo(x - size, y - size); context.lineTo(x + size, y + size);
    context.moveTo(x - size, y + size); context.lineTo(x + size, y - size);
  } else if (outcome === INFO) {
    context.moveTo(x, y - size - 0.5); context.lineTo(x + size + 0.5, y + size);
    context.lineTo(x - size - 0.5, y + size); context.closePath();
  } else {
    context.moveTo(x + size, y);
    context.arc(x, y, size, 0, 2 * Math.PI);
  }
}

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

function drawn(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// ---- the tooltip -------------------------------------------------------------------------------

const tooltip = byId("tooltip");

function showTooltip(event, title, rows) {
  const list = element("dl");
  for (const [name, value] of rows) {
    list.append(element("dt", {}, name), element("dd", {}, value));
  }
  tooltip.replaceChildren(element("strong", {}, title), list);
  tooltip.hidden = false;
  const box = tooltip.getBoundingClientRect(), gap = 14;
  let x = event.clientX + gap, y = event.clientY + gap;
  if (x + box.width > innerWidth - 8) x = Math.max(8, event.clientX - box.width - gap);
  if (y + box.height > innerHeight - 8) y = Math.max(8, event.clientY - box.height - gap);
  tooltip.style.transform = `translate(${x}px, ${y}px)`;
}

function hideTooltip() {
  tooltip.hidden = true;
}

/** One entry of a legend: a small drawing, then words. */
function legendEntry(words, ...shapes) {
  const picture = drawn("svg", { viewBox: "0 0 26 14", "aria-hidden": "true" }, ...shapes);
  return element("span", {}, picture, words);
}
