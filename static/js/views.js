// A view that is saved is the list as it stands: what its address says, and which columns are shown.
(() => {
  "use strict";
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-saves-view]");
    if (!form) return;
    const query = new URLSearchParams(location.search);
    query.delete("page");
    const boxes = [...document.querySelectorAll("[data-columns] input[type=checkbox]")];
    if (boxes.some((box) => box.checked !== box.defaultChecked) || query.has("columns")) {
      query.set("columns", boxes.filter((box) => box.checked).map((box) => box.value).join(" ") || "none");
    }
    form.elements.query.value = query.toString();
  });
})();
