// Rows that a person chose in a list: kept for this tab's life, over pages, filters and swaps; the bar says how many.
(() => {
  "use strict";
  const KEY = `godwit.picks.${location.pathname}`;
  const read = () => { try { return new Set(JSON.parse(sessionStorage.getItem(KEY) || "[]")); } catch { return new Set(); } };
  const chosen = read();

  function keep() {
    try { sessionStorage.setItem(KEY, JSON.stringify([...chosen])); } catch { /* a private window keeps nothing */ }
  }

  function show() {
    const boxes = [...document.querySelectorAll("[data-pick]")];
    boxes.forEach((box) => { box.checked = chosen.has(box.dataset.pick); });
    const all = document.querySelector("[data-pick-all]");
    const here = boxes.filter((box) => box.checked).length;
    if (all) {
      all.checked = boxes.length > 0 && here === boxes.length;
      all.indeterminate = here > 0 && here < boxes.length;
    }
    const bar = document.querySelector("[data-bulk]");
    if (!bar) return;
    bar.hidden = chosen.size === 0;
    bar.querySelector("[data-bulk-count]").textContent = String(chosen.size);
    bar.querySelector("[data-bulk-words]").textContent = `${chosen.size === 1 ? "host" : "hosts"} chosen${here < chosen.size ? `, ${chosen.size - here} on other pages` : ""}`;
    bar.querySelector("[data-bulk-hosts]").replaceChildren(...[...chosen].map((pk) => Object.assign(document.createElement("input"), { type: "hidden", name: "host", value: pk })));
  }

  function pick(box, on) {
    if (on) chosen.add(box.dataset.pick);
    else chosen.delete(box.dataset.pick);
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick]")) pick(event.target, event.target.checked);
    else if (event.target.matches("[data-pick-all]")) document.querySelectorAll("[data-pick]").forEach((box) => pick(box, event.target.checked));
    else return;
    keep();
    show();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-bulk-clear]")) return;
    chosen.clear();
    keep();
    show();
  });
  // What was ordered for them is under way: the choice has served.
  document.addEventListener("htmx:afterRequest", (event) => {
    const { successful, requestConfig } = event.detail;
    if (!successful || requestConfig?.verb !== "post" || !/^\/hosts\/(maintenance|activate)$/.test(requestConfig.path)) return;
    chosen.clear();
    keep();
    show();
  });
  document.addEventListener("htmx:afterSettle", show);
  document.addEventListener("DOMContentLoaded", show);
})();
