// The timeline's axis: ticks, faults as bands, and where the visible part lies in the whole.

const HEAD = 22, FOOT = 24;

function drawTimeAxis(context, bottom) {
  const { left, width } = timeline;
  context.save();
  context.beginPath();
  context.rect(left, 0, width, timeline.height);
  context.clip();
  for (const [k, fault] of run.faults.entries()) {
    if (fault.until < view.from || fault.start > view.to) continue;
    const x = Math.max(left, timeToX(fault.start));
    const end = Math.min(left + width, timeToX(fault.until));
    context.fillStyle = colours.fault;
    context.globalAlpha = 0.16;
    context.fillRect(x, 4, Math.max(1, end - x), bottom - 4);
    context.globalAlpha = 1;
    context.fillRect(x, 4, Math.max(1, end - x), 2);
    context.fillStyle = colours.muted;
    const free = Math.min(end, timeToX(run.faults[k + 1]?.start ?? Infinity)) - x - 6;
    const label = fitted(context, `${k + 1} ${fault.name}`, free);
    context.fillText(label || fitted(context, String(k + 1), free), x + 3, 14);
  }
  const { step, values } = ticks(view.from, view.to, width / 110);
  context.textAlign = "center";
  for (const value of values) {
    const x = timeToX(value);
    context.fillStyle = colours.line;
    context.fillRect(Math.round(x), HEAD, 1, bottom - HEAD);
    context.fillStyle = colours.muted;
    const words = (run.axisLabel ?? instant)(value, step);
    const half = context.measureText(words).width / 2;
    if (value < 0 || x - half < left || x + half > left + width) continue;
    context.fillText(words, x, bottom + 10);
  }
  context.restore();
}

/** Where the visible part lies in the run. */
function drawPosition(context) {
  const { left, width, height } = timeline, y = height - 5;
  const place = (time) => left + Math.min(1, Math.max(0, time / run.span)) * width;
  context.fillStyle = colours.line;
  context.fillRect(left, y, width, 3);
  context.fillStyle = colours.focus;
  context.fillRect(place(view.from), y, Math.max(4, place(view.to) - place(view.from)), 3);
}
