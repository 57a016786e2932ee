// Runs before the first paint: the theme and the folded navigation as this browser keeps them.
(() => {
  const root = document.documentElement;
  const kept = (key, otherwise) => { try { return localStorage.getItem(key) || otherwise; } catch { return otherwise; } };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    const wanted = kept("godwit.theme", "system");
    root.dataset.bsTheme = wanted === "dark" || (wanted === "system" && dark.matches) ? "dark" : "light";
    root.dataset.themeWanted = wanted;
    document.dispatchEvent(new CustomEvent("godwit:theme"));
  };
  root.toggleAttribute("data-side-folded", kept("godwit.side", "") === "folded");
  dark.addEventListener("change", paint);
  paint();
  window.godwitTheme = (wanted) => {
    try { localStorage.setItem("godwit.theme", wanted); } catch { /* a private window keeps nothing */ }
    root.dataset.themeWanted = wanted;
    paint();
  };
})();
