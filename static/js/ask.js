// The box that takes queries: what may stand at the cursor is offered beneath it (ARIA's combobox with a listbox).
// Arrows choose, Enter or Tab takes it, Escape puts it away. Without a choice, Enter filters and Tab goes on.
(() => {
  "use strict";
  const PAUSE_MS = 120;
  let waiting = 0, asked = null;
  const boxOf = (target) => target?.closest?.("[data-ask]");
  const listOf = (box) => document.getElementById(box.getAttribute("aria-controls"));
  const chosen = (box) => listOf(box).querySelector("[aria-selected=true]");

  function close(box) {
    clearTimeout(waiting);
    asked?.abort();
    listOf(box).hidden = true;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function line(offer, index) {
    const item = document.createElement("li");
    item.id = `offer-${index}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    Object.assign(item.dataset, { text: offer.text, start: offer.start, end: offer.end });
    item.append(Object.assign(document.createElement("code"), { textContent: offer.text.trim() }));
    if (offer.about) item.append(Object.assign(document.createElement("span"), { textContent: offer.about }));
    return item;
  }

  function show(box, offers) {
    if (!offers.length || document.activeElement !== box) return close(box);
    listOf(box).replaceChildren(...offers.map(line));
    listOf(box).hidden = false;
    box.setAttribute("aria-expanded", "true");
    box.removeAttribute("aria-activedescendant");
  }

  // Characters are code points for the server, UTF-16 units here.
  const points = (text, units) => [...text.slice(0, units)].length;
  const units = (text, count) => [...text].slice(0, count).join("").length;

  async function ask(box) {
    asked?.abort();
    asked = new AbortController();
    const query = new URLSearchParams({ q: box.value, at: points(box.value, box.selectionStart ?? box.value.length) });
    try {
      const answer = await fetch(`${box.dataset.ask}?${query}`, { signal: asked.signal });
      if (answer.ok) show(box, (await answer.json()).offers);
      else close(box);
    } catch (error) {
      if (error.name !== "AbortError") close(box); // the server is silent: the box works without offers
    }
  }

  function move(box, step) {
    const items = [...listOf(box).children];
    const next = items[(items.indexOf(chosen(box)) + step + items.length + (step < 0 && !chosen(box) ? 1 : 0)) % items.length];
    items.forEach((item) => item.setAttribute("aria-selected", String(item === next)));
    box.setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  }

  function take(box, item) {
    const { text, start, end } = item.dataset;
    const from = units(box.value, Number(start)), to = units(box.value, Number(end));
    const gap = from > 0 && !/[\s(]/.test(box.value[from - 1]) ? " " : "";
    box.setRangeText(gap + text, from, to, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("input", (event) => {
    const box = boxOf(event.target);
    if (!box) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => ask(box), PAUSE_MS);
  });
  document.addEventListener("keydown", (event) => {
    const box = boxOf(event.target);
    if (!box) return;
    const open = !listOf(box).hidden, item = open && chosen(box);
    if (event.key === "ArrowDown" && !open) ask(box);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") { if (open) move(box, event.key === "ArrowDown" ? 1 : -1); }
    else if ((event.key === "Enter" || event.key === "Tab") && item) take(box, item);
    else if (event.key === "Escape" && open) close(box);
    else {
      if (event.key === "Enter" || event.key === "Tab") close(box);
      return;
    }
    event.preventDefault();
  });
  document.addEventListener("mousedown", (event) => {
    const item = event.target.closest(".offers [role=option]");
    if (!item) return;
    event.preventDefault(); // the box keeps the focus
    take(document.querySelector(`[aria-controls="${item.parentElement.id}"]`), item);
  });
  document.addEventListener("focusout", (event) => { if (boxOf(event.target)) close(event.target); });
  // What is wrong is told beneath the box, and by the box itself.
  document.addEventListener("htmx:afterSettle", () => {
    const box = document.querySelector("[data-ask]"), mistake = document.getElementById("filter-mistake");
    if (box && mistake) box.toggleAttribute("aria-invalid", !mistake.hidden);
    if (box?.hasAttribute("aria-invalid")) box.setAttribute("aria-invalid", "true");
  });
})();
