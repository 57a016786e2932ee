// The frame's small parts: folds, menus, dialogs, toasts, moving times, a list's columns. No inline script needs it.
(() => {
  const root = document.documentElement;
  const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* a private window keeps nothing */ } };
  const kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

  // The navigation: folded to icons, or a drawer on a narrow screen.
  function fold() {
    const folded = root.toggleAttribute("data-side-folded");
    keep("godwit.side", folded ? "folded" : "");
    document.querySelectorAll("[data-folds]").forEach((b) => b.setAttribute("aria-expanded", String(!folded)));
  }
  function drawer(open) {
    root.toggleAttribute("data-drawer-open", open);
    document.querySelectorAll("[data-drawer]").forEach((b) => b.setAttribute("aria-expanded", String(root.hasAttribute("data-drawer-open"))));
  }
  function tree() {
    const panel = document.getElementById("tree");
    if (!panel) return;
    panel.hidden = !panel.hidden;
    document.querySelectorAll('[aria-controls="tree"]').forEach((b) => b.setAttribute("aria-expanded", String(!panel.hidden)));
    keep("godwit.tree", panel.hidden ? "" : "open");
    if (!panel.hidden) htmx.trigger(panel, "tree:open");
  }

  function close(dialog, line) {
    if (dialog) dialog.close();
    else if (line) line.remove();
    else history.back();
  }
  function open(id) {
    const dialog = document.getElementById(id);
    if (dialog && !dialog.open) dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    if (at("[data-folds]")) fold();
    else if (at("[data-drawer]")) drawer();
    else if (at("[data-toggles=tree]")) { tree(); drawer(false); }
    else if (at("[data-opens]")) open(at("[data-opens]").dataset.opens);
    else if (at("[data-closes]")) close(at("dialog"), at(".toast-line"));
    else if (at("[data-theme]")) { window.godwitTheme(at("[data-theme]").dataset.theme); marks(); at("details").open = false; }
    else if (event.target.matches("dialog")) event.target.close(); // its backdrop
    else if (root.hasAttribute("data-drawer-open") && !at("#side")) drawer(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
    drawer(false);
  });

  function marks() {
    const wanted = root.dataset.themeWanted || "system";
    document.querySelectorAll("[data-theme]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.theme === wanted)));
  }

  // Times keep moving: <time datetime data-ago=" ago">.
  function span(seconds) {
    if (seconds < 1) return "0 s";
    const parts = [];
    let left = Math.round(seconds);
    for (const [length, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
      const number = Math.floor(left / length);
      left -= number * length;
      if (number || parts.length) parts.push([number, unit]);
    }
    return parts.slice(0, 2).filter(([n]) => n).map(([n, u]) => `${n} ${u}`).join(" ");
  }
  function tick() {
    const now = Date.now();
    document.querySelectorAll("time[data-ago]").forEach((element) => {
      const age = Math.max(0, (now - Date.parse(element.dateTime)) / 1000);
      const text = span(age) + element.dataset.ago;
      if (element.textContent !== text) element.textContent = text;
    });
  }

  // Columns a person hid, kept a list; the table carries one class each.
  function columns() {
    document.querySelectorAll("[data-columns]").forEach((box) => {
      const key = `godwit.columns.${box.dataset.columns}`;
      const hidden = kept(key);
      const boxes = [...box.querySelectorAll("input[type=checkbox]")];
      if (hidden !== null) boxes.forEach((input) => { input.checked = !hidden.split(" ").includes(input.value); });
      boxes.forEach((input) => document.getElementById("list")?.classList.toggle(`hide-${input.value}`, !input.checked));
    });
  }
  document.addEventListener("change", (event) => {
    const box = event.target.closest("[data-columns]");
    if (!box) return;
    const off = [...box.querySelectorAll("input:not(:checked)")].map((input) => input.value);
    keep(`godwit.columns.${box.dataset.columns}`, off.join(" "));
    columns();
  });

  // htmx: no empty parameters in an address, a dialog opens when it is filled, a refusal is shown where it happened.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get") return;
    const sort = new URLSearchParams(location.search).get("sort"); // the heads change it, the form keeps it
    if (event.target.id === "filter" && sort) event.detail.formData.set("sort", sort);
    for (const [name, value] of [...event.detail.formData.entries()]) if (value === "") event.detail.formData.delete(name);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    if (xhr.status >= 400 && xhr.getResponseHeader("HX-Retarget") === null && !["dialog", "toasts"].includes(target.id)) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:sendError", () => toast("The server did not answer. Nothing was ordered; try again."));
  document.addEventListener("htmx:afterSettle", columns); // settling puts the old class back for a moment
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "dialog") open("dialog");
    columns();
    tick();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const dialog = event.target.closest?.("dialog");
    if (dialog && (dialog.id !== "dialog" || event.target.matches("[data-closes-after]")) && event.detail.successful) dialog.close();
  });
  // hx-confirm asks in our own dialog, which names what it is about.
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    const dialog = document.getElementById("confirm");
    dialog.querySelector("p").textContent = event.detail.question;
    dialog.querySelector("[value=yes]").textContent = event.detail.elt.dataset.yes || "Yes, do it";
    dialog.returnValue = "";
    dialog.onclose = () => { if (dialog.returnValue === "yes") event.detail.issueRequest(true); };
    dialog.showModal();
  });
  // What a coarse topic tells of is read again: at once, then at most every two seconds, and the last news is never
  // dropped (htmx's throttle drops it). Never under the pointer: then when it has left.
  const READ_EVERY_MS = 2000;
  const readings = new Map(); // id of the part -> when it was read last, and whether it will be again
  document.addEventListener("godwit:topic", (event) => {
    const part = event.target.closest("[data-refreshes]");
    if (part) readAgain(part.id);
  });
  function readAgain(id) {
    const reading = readings.get(id) ?? { at: -Infinity, waits: false };
    const rest = reading.at + READ_EVERY_MS - performance.now();
    readings.set(id, reading);
    if (reading.waits) return;
    if (rest > 0) {
      reading.waits = true;
      setTimeout(() => { reading.waits = false; readAgain(id); }, rest);
      return;
    }
    const part = document.getElementById(id); // a swap has put another element in its place
    if (!part) return;
    if (part.matches(":hover") && part.querySelector("tr")) {
      part.onmouseleave = () => { part.onmouseleave = null; readAgain(id); };
      return;
    }
    reading.at = performance.now();
    htmx.trigger(part, "refresh");
  }
  function toast(text) {
    const line = document.createElement("div");
    line.className = "toast-line error";
    line.append(Object.assign(document.createElement("p"), { textContent: text }));
    document.getElementById("toasts")?.append(line);
  }

  window.godwitFrame = { fold, tree, open };
  document.addEventListener("DOMContentLoaded", () => {
    marks();
    columns();
    tick();
    setInterval(tick, 1000);
    if (kept("godwit.tree") === "open" && innerWidth > 1100) tree();
  });
})();
