// The last hour of a VM or a host: <div data-curves="URL"> with <div class="plot" data-series="a b" data-unit data-top>.
// Drawn by uPlot and read again every 20 s.
(() => {
  const HOUR = 3600;
  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  function size(number) {
    let step = 0;
    while (number >= 1024 && step < UNITS.length - 1) { number /= 1024; step += 1; }
    return `${number >= 100 ? Math.round(number) : Math.round(number * 10) / 10} ${UNITS[step]}`;
  }
  const write = { percent: (n) => `${Math.round(n)} %`, size, rate: (n) => `${size(n)}/s` };

  // Round binary marks: at most three of them, at 1, 2 or 4 times a power of two.
  function splits(top) {
    let step = 2 ** Math.floor(Math.log2(Math.max(top, 1) / 2));
    while (top / step > 3) step *= 2;
    const marks = [];
    for (let at = 0; at <= top * 1.001; at += step) marks.push(at);
    return marks;
  }

  function options(box) {
    const unit = box.dataset.unit;
    const top = Number(box.dataset.top) || (unit === "percent" ? 100 : 0);
    const names = box.dataset.series.split(" ");
    const strokes = ["--accent", "--curve-dirty"];
    return {
      width: box.clientWidth, height: box.clientHeight, legend: { show: false }, padding: [8, 6, 0, 0],
      cursor: { y: false, points: { size: 5 } },
      scales: { x: { time: true, range: () => [Date.now() / 1000 - HOUR, Date.now() / 1000] },
        y: { range: (_, low, high) => [0, Math.max(top, high * 1.1, unit === "percent" ? 100 : 1024)] } },
      axes: [
        { stroke: colour("--muted"), grid: { show: false }, ticks: { show: false }, size: 18, font: "10.5px system-ui, sans-serif", space: 60, values: (_, at) => at.map((t) => new Date(t * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false })) },
        { stroke: colour("--muted"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, size: 62, gap: 4, font: "10.5px system-ui, sans-serif",
          splits: (u) => (unit === "percent" ? [0, 50, 100] : splits(u.scales.y.max)), values: (_, at) => at.map((n) => (n === 0 ? "0" : write[unit](n))) },
      ],
      series: [{}, ...names.map((name, i) => ({ label: name, stroke: colour(strokes[i]), width: 1.5, points: { show: false },
        fill: names.length === 1 ? `${colour(strokes[i])}22` : undefined }))],
    };
  }

  // Draws a group and gives back what shows newer columns in it.
  function draw(group, columns) {
    const plots = new Map();
    const data = (box) => [columns.at, ...box.dataset.series.split(" ").map((name) => columns[name])];
    const paint = () => group.querySelectorAll(".plot").forEach((box) => {
      plots.get(box)?.destroy();
      plots.delete(box);
      box.replaceChildren();
      if (columns.at.length) plots.set(box, new uPlot(options(box), data(box), box));
      else say(box, "No figures in the last hour.");
    });
    paint();
    new ResizeObserver(() => plots.forEach((plot, box) => plot.setSize({ width: box.clientWidth, height: box.clientHeight }))).observe(group);
    document.addEventListener("godwit:theme", paint);
    return (newer) => {
      const first = !columns.at.length;
      columns = newer;
      if (first) paint();
      else plots.forEach((plot, box) => plot.setData(data(box)));
    };
  }

  function say(box, words) {
    box.replaceChildren(Object.assign(document.createElement("p"), { className: "empty", textContent: words }));
  }

  async function read(group) {
    try {
      const answer = await fetch(group.dataset.curves, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.statusText);
      return await answer.json();
    } catch {
      return null;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-curves]").forEach(async (group) => {
      const columns = await read(group);
      if (!columns) return group.querySelectorAll(".plot").forEach((box) => say(box, "The figures could not be read."));
      const show = draw(group, columns);
      setInterval(async () => { // a beat is 10 s; the newest figure stands beside each curve at once
        const newer = document.hidden ? null : await read(group);
        if (newer) show(newer);
      }, 20000);
    });
  });
})();
