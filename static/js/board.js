// The board of a plan that runs: a tile is painted where it stands; its data-at says on which host its VM is. Here it is
// put into that host's column, and glides there unless the user asks for less motion.
(() => {
  "use strict";
  const GLIDE_MS = 180;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  function place(tile) {
    const column = document.querySelector(`[data-column="${CSS.escape(tile.dataset.at)}"]`);
    if (!column || tile.parentElement === column) return;
    const from = tile.getBoundingClientRect();
    column.append(tile);
    if (calm.matches) return;
    const to = tile.getBoundingClientRect();
    tile.animate([{ transform: `translate(${from.x - to.x}px, ${from.y - to.y}px)` }, { transform: "none" }], { duration: GLIDE_MS, easing: "ease-out" });
  }

  const all = () => document.querySelectorAll("[data-board] [data-at]").forEach(place);

  document.addEventListener("DOMContentLoaded", () => {
    all();
    new MutationObserver((changes) => changes.forEach(({ target }) => { if (target.matches("[data-board] [data-at]")) place(target); }))
      .observe(document.querySelector("main"), { subtree: true, attributes: true, attributeFilter: ["data-at"] });
  });
})();
