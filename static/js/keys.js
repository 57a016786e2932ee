// Keys: / search, g + letter to a list, t the tree, [ the navigation, ? what there is. Never while somebody types.
(() => {
  const places = { o: "/", d: "/datacenters", c: "/clusters", h: "/hosts", v: "/vms", m: "/migrations", p: "/maintenance" };
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (document.querySelector("dialog[open]")) return;
    if (going && Date.now() - going < 1500 && places[event.key]) {
      going = 0;
      location.assign(places[event.key]);
      return;
    }
    going = event.key === "g" ? Date.now() : 0;
    if (event.key === "/") {
      const field = document.querySelector("main [data-search]") || document.querySelector("[data-search]");
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    } else if (event.key === "?") window.godwitFrame.open("keys");
    else if (event.key === "t") window.godwitFrame.tree();
    else if (event.key === "[") window.godwitFrame.fold();
  });
})();
