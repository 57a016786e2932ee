// Makes a scene fit its screen: the largest text with which all of it is to be seen; what does not fit at the smallest
// that can be read at five metres is left out and counted: "and 14 more hosts". window.godwitFit(stage).
(() => {
  "use strict";
  const SMALLEST = 2.5, LARGEST = 6.5, STEP = 0.1; // rem; 1 rem is a hundredth of the shorter side
  const many = (count, noun) => `and ${count} more${noun ? ` ${noun}${count === 1 ? "" : "s"}` : ""}`;
  let last = LARGEST; // a size that fits stays while it fits and the next does not: nothing breathes

  window.godwitFit = (stage) => {
    const box = stage.querySelector("[data-fit]");
    if (!box) return;
    const rows = [...box.querySelectorAll("[data-row]")];
    show(box, rows, rows.length);
    const fits = (size) => { set(stage, size); return !overflows(box); };
    let size = last;
    if (!fits(last)) size = search(SMALLEST, last - STEP, fits);
    else if (last < LARGEST && fits(last + 2 * STEP)) size = search(last, LARGEST, fits);
    last = Math.max(SMALLEST, size);
    set(stage, last);
    let shown = rows.length;
    if (size < SMALLEST && rows.length > 1) {
      shown = Math.floor(search(0, rows.length, (count) => { show(box, rows, Math.floor(count)); return !overflows(box); }, 1));
      show(box, rows, Math.max(1, shown));
    }
    count(stage, shown);
    while (shown > 1 && overflows(box)) { // its own words took a line
      shown -= 1;
      show(box, rows, shown);
      count(stage, shown);
    }
  };

  // The greatest of low … high, in steps, that holds; below low where none does.
  function search(low, high, holds, step = STEP) {
    let least = -1, most = Math.floor((high - low) / step + 0.001) + 1;
    while (most - least > 1) {
      const middle = (least + most) >> 1;
      if (holds(low + middle * step)) least = middle; else most = middle;
    }
    return low + least * step;
  }

  function overflows(box) {
    return box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1;
  }

  function set(stage, size) {
    const text = `${size.toFixed(2)}rem`;
    if (stage.style.fontSize !== text) stage.style.fontSize = text;
  }

  function show(box, rows, count) {
    rows.forEach((row, i) => { row.hidden = i >= count; });
    box.querySelectorAll("section").forEach((section) => { section.hidden = section.querySelector("[data-row]:not([hidden])") === null; });
  }

  function count(stage, shown) {
    const more = stage.querySelector("[data-more]");
    if (!more) return;
    const left = Number(more.dataset.total) - shown;
    const text = left > 0 && shown > 0 ? many(left, more.dataset.noun) : "";
    if (more.textContent !== text) more.textContent = text;
  }
})();
