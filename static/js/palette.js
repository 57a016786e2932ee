// The palette: Ctrl-K (or ⌘K) opens it, arrows choose, Enter goes there or does it, Escape closes it. The first result
// is chosen as soon as it is there; Ctrl-Enter opens in a new tab, as a link does.
(() => {
  "use strict";
  const dialog = () => document.getElementById("palette");
  const box = () => document.getElementById("palette-q");
  const results = () => [...document.querySelectorAll("#palette-results [role=option]:not([aria-disabled])")];

  function open() {
    if (!dialog() || dialog().open) return;
    document.querySelectorAll("dialog[open]").forEach((other) => other.close());
    dialog().showModal();
    box().focus();
    box().select();
    htmx.trigger(box(), "palette:open");
  }

  function choose(item) {
    results().forEach((each) => each.setAttribute("aria-selected", String(each === item)));
    if (item) {
      box().setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else box().removeAttribute("aria-activedescendant");
  }

  function move(step) {
    const all = results();
    if (!all.length) return;
    const now = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
    choose(all[(now + step + all.length) % all.length]);
  }

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog()?.open) dialog().close();
      else open();
      return;
    }
    if (event.target !== box()) return;
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter") {
      const chosen = results().find((each) => each.getAttribute("aria-selected") === "true");
      if (chosen) chosen.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey: event.ctrlKey, metaKey: event.metaKey }));
    } else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      open();
    } else if (event.target.closest("[data-sets-theme]")) {
      window.godwitTheme(event.target.closest("[data-sets-theme]").dataset.setsTheme);
      if (dialog()?.open) dialog().close();
    }
  }, true);
  document.addEventListener("htmx:afterSettle", (event) => { if (event.detail.target.id === "palette-results") choose(results()[0]); });
  window.godwitPalette = { open };
})();
