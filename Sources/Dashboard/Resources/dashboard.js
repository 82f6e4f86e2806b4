// What moves on the dashboard: a run at work. Everything else is plain HTML.

const live = document.getElementById("live");
if (live) follow(live);

function follow(section) {
  const place = (name) => section.querySelector(`[data-of="${name}"]`);
  const line = section.querySelector("path");
  const seen = [];
  const events = new EventSource(section.dataset.events);
  events.onmessage = (message) => {
    const pulse = JSON.parse(message.data);
    seen.push({ time: performance.now() / 1000, ok: pulse.ok });
    while (seen.length > 121) seen.shift();
    place("seconds").textContent = `${pulse.seconds.toFixed(1)} s`;
    for (const name of ["ok", "fail", "info"]) {
      place(name).textContent = pulse[name].toLocaleString("en");
    }
    const rates = seen.slice(1).map((now, i) => (now.ok - seen[i].ok) / (now.time - seen[i].time));
    if (rates.length > 0) {
      place("rate").textContent = Math.round(rates.at(-1)).toLocaleString("en");
      const top = Math.max(1, ...rates);
      line.setAttribute("d", rates.map((rate, i) =>
        `${i ? "L" : "M"}${(5 * i).toFixed(1)} ${(75 - 70 * rate / top).toFixed(1)}`).join(""));
    }
    place("faults").textContent = pulse.faults.length ? pulse.faults.join(", ") : "none";
    document.documentElement.dataset.pulse = String(seen.length);
    if (pulse.hasEnded) {
      events.close();
      location.reload();
    }
  };
}

for (const button of document.querySelectorAll("button.danger")) {
  button.addEventListener("click", (event) => {
    if (!confirm("Remove this run and all that was recorded of it?")) event.preventDefault();
  });
}
