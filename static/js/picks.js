// Rows that a person chose in a list: kept for this tab's life, over pages, filters and swaps; the bar says how many.
(() => {
  "use strict";
  const KEY = `godwit.picks.${location.pathname}`;
  const read = () => { try { return new Set(JSON.parse(sessionStorage.getItem(KEY) || "[]")); } catch { return new Set(); } };
  const chosen = read();
  let all = ""; // the list's parameters when "all that match" was chosen, "?" for none; "": rows one by one

  function keep() {
    try { sessionStorage.setItem(KEY, JSON.stringify([...chosen])); } catch { /* a private window keeps nothing */ }
  }

  function show() {
    const boxes = [...document.querySelectorAll("[data-pick]")];
    boxes.forEach((box) => { box.checked = chosen.has(box.dataset.pick); });
    const head = document.querySelector("[data-pick-all]");
    const here = boxes.filter((box) => box.checked).length;
    if (head) {
      head.checked = boxes.length > 0 && here === boxes.length;
      head.indeterminate = here > 0 && here < boxes.length;
    }
    const bar = document.querySelector("[data-bulk]");
    if (!bar) return;
    const { bulkOne = "host", bulkMany = "hosts", bulkName = "host" } = bar.dataset;
    const total = Number(document.getElementById("list")?.dataset.count ?? 0);
    const count = all ? total : chosen.size;
    bar.hidden = chosen.size === 0 && !all;
    bar.querySelector("[data-bulk-count]").textContent = String(count);
    const elsewhere = !all && here < chosen.size ? `, ${chosen.size - here} on other pages` : "";
    bar.querySelector("[data-bulk-words]").textContent = `${count === 1 ? bulkOne : bulkMany} chosen${all ? ": all that match" : elsewhere}`;
    const sent = all ? [["all", "1"], ["query", all.slice(1)]] : [...chosen].map((pk) => [bulkName, pk]);
    bar.querySelector("[data-bulk-hosts]").replaceChildren(...sent.map(([name, value]) => Object.assign(document.createElement("input"), { type: "hidden", name, value })));
    const offer = bar.querySelector("[data-bulk-all]");
    if (offer) {
      offer.hidden = Boolean(all) || total <= chosen.size;
      offer.querySelector("[data-bulk-total]").textContent = String(total);
    }
  }

  function none() {
    chosen.clear();
    all = "";
    keep();
    show();
  }

  function pick(box, on) {
    if (on) chosen.add(box.dataset.pick);
    else chosen.delete(box.dataset.pick);
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick]")) pick(event.target, event.target.checked);
    else if (event.target.matches("[data-pick-all]")) document.querySelectorAll("[data-pick]").forEach((box) => pick(box, event.target.checked));
    else return;
    all = "";
    keep();
    show();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-bulk-all]")) {
      all = location.search || "?";
      show();
    } else if (event.target.closest("[data-bulk-clear]")) none();
  });
  // What was ordered for them is under way: the choice has served.
  document.addEventListener("htmx:afterRequest", (event) => {
    const { successful, requestConfig, xhr } = event.detail;
    if (requestConfig?.verb !== "post") return;
    const ordered = requestConfig.path === "/vms/bulk" && xhr.status === 204; // it leads on: htmx calls that no success
    if (ordered || (successful && /^\/hosts\/(maintenance|activate)$/.test(requestConfig.path))) none();
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (all && all !== (location.search || "?")) all = ""; // another filter: other rows than those that were meant
    show();
  });
  document.addEventListener("DOMContentLoaded", show);
})();
