// The line "now" of a plan's lanes goes on between two paintings: the page says how far the plan was when it was painted,
// and this browser's own clock only how long ago that is.
(() => {
  "use strict";
  const EVERY_MS = 1000;
  const painted = new WeakMap(); // lanes -> what they said, and when that was first seen

  function move(lanes) {
    const said = lanes.dataset.elapsed;
    if (painted.get(lanes)?.said !== said) painted.set(lanes, { said, at: performance.now() });
    const elapsed = Number(said) + (performance.now() - painted.get(lanes).at) / 1000;
    const share = (100 * elapsed) / Number(lanes.dataset.whole);
    for (const line of lanes.querySelectorAll("line.now")) {
      for (const end of ["x1", "x2"]) line.setAttribute(end, `${Math.min(100, share).toFixed(2)}%`);
    }
  }

  setInterval(() => document.querySelectorAll(".lanes[data-whole]").forEach(move), EVERY_MS);
})();
