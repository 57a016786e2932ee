// The burn-down of a plan: <div class="burndown" data-burndown="URL" data-open>. Steps of fact, dashed forecast, dashed
// projection from now to the finish at this pace, the window's end as an upright line. Read again every 10 s while open.
(() => {
  "use strict";
  const EVERY_MS = 10000;
  const HEIGHT = 220;
  const kept = new Map(); // address -> what was read last: a swap empties the box, and it is drawn again at once
  const drawn = new WeakMap(); // box -> its plot
  const fit = new ResizeObserver((all) => all.forEach(({ target }) => drawn.get(target)?.setSize({ width: room(target), height: HEIGHT })));
  const room = (box) => Math.max(200, box.clientWidth - 20); // its padding
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const clock = (t, seconds) => new Date(t * 1000).toISOString().slice(11, seconds ? 19 : 16);

  function columns(told) {
    return uPlot.join([
      [told.fact[0], told.fact[1]],
      [told.forecast[0], told.forecast[1]],
    ]);
  }

  function ends(told) {
    const all = [...told.fact[0], ...told.forecast[0], told.now, told.finish, told.window].filter((t) => t);
    const low = told.fact[0][0];
    const high = Math.max(...all);
    return [low, low + Math.max(10, (high - low) * 1.04)];
  }

  function options(box, told) {
    const grid = { stroke: token("--grid"), width: 1 };
    const axis = { stroke: token("--muted"), grid, ticks: grid, font: "11px system-ui" };
    const [low, high] = ends(told);
    const stepped = uPlot.paths.stepped({ align: 1 });
    return {
      width: room(box), height: HEIGHT, legend: { show: false }, cursor: { points: { size: 5 } },
      scales: { x: { time: true, range: () => [low, high] }, y: { range: (_p, _l, top) => [0, Math.max(1, top) * 1.08] } },
      axes: [
        { ...axis, space: 70, values: (_p, at) => at.map((t) => `${clock(t, high - low < 600)}`), label: "UTC", labelSize: 14, labelFont: "11px system-ui" },
        { ...axis, size: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
      ],
      series: [{},
        { label: "Left", stroke: token("--curve-remaining"), fill: `color-mix(in srgb, ${token("--curve-remaining")} 16%, transparent)`, width: 1.5, paths: stepped, points: { show: false }, spanGaps: true },
        { label: "Forecast", stroke: token("--curve-forecast"), width: 1.5, dash: [5, 4], paths: stepped, points: { show: false }, spanGaps: true },
      ],
      hooks: { draw: [(plot) => over(plot, told)] },
    };
  }

  function over(plot, told) {
    const { ctx, bbox } = plot, ratio = devicePixelRatio;
    ctx.save();
    ctx.lineWidth = 1.5 * ratio;
    if (told.finish) {
      const left = told.fact[1][told.fact[1].length - 1];
      ctx.strokeStyle = token(told.window && told.finish > told.window ? "--failed" : "--busy");
      ctx.setLineDash([3 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(plot.valToPos(told.now, "x", true), plot.valToPos(left, "y", true));
      ctx.lineTo(plot.valToPos(told.finish, "x", true), plot.valToPos(0, "y", true));
      ctx.stroke();
      ctx.setLineDash([]);
    }
    if (told.window) {
      const x = plot.valToPos(told.window, "x", true);
      ctx.strokeStyle = ctx.fillStyle = token("--maintenance");
      ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
      ctx.font = `${11 * ratio}px system-ui`;
      ctx.textAlign = "right";
      ctx.fillText("window ends", x - 4 * ratio, bbox.top + 10 * ratio);
    }
    ctx.restore();
  }

  function draw(box, told) {
    drawn.get(box)?.destroy();
    drawn.delete(box);
    box.replaceChildren();
    if (!told.fact[0].length) return;
    drawn.set(box, new uPlot(options(box, told), columns(told), box));
    box.dataset.count = told.fact[0].length;
    fit.observe(box);
  }

  async function read(box) {
    const address = box.dataset.burndown;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      kept.set(address, await answer.json());
      draw(box, kept.get(address));
    } catch { /* away: what is drawn stays, and the page says that no news came */ }
  }

  const boxes = () => document.querySelectorAll("[data-burndown]");
  document.addEventListener("DOMContentLoaded", () => {
    boxes().forEach(read);
    setInterval(() => { if (!document.hidden) boxes().forEach((box) => { if ("open" in box.dataset) read(box); }); }, EVERY_MS);
  });
  document.addEventListener("htmx:afterSettle", () => boxes().forEach((box) => {
    if (box.querySelector(".uplot")) return;
    const told = kept.get(box.dataset.burndown);
    if (told) draw(box, told); else read(box);
  }));
  document.addEventListener("godwit:theme", () => boxes().forEach((box) => { const told = kept.get(box.dataset.burndown); if (told) draw(box, told); }));
})();
