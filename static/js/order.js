// A list that is sorted by a figure that ticks keeps its rows under the pointer and says how many stand wrong by now.
(() => {
  const inOrder = (values, descending) => {
    // the fewest rows that must move: all but the longest run that is in order already (patience sorting)
    const tails = [];
    for (const value of descending ? values.map((each) => -each) : values) {
      let low = 0, high = tails.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (tails[middle] <= value) low = middle + 1;
        else high = middle;
      }
      tails[low] = value;
    }
    return tails.length;
  };

  document.addEventListener("godwit:drawn", ({ detail: figure }) => {
    const again = document.querySelector("[data-sort-again]");
    if (!again) return;
    const { sorted } = again.dataset;
    const name = sorted.replace(/^-/, "");
    const values = [...document.querySelectorAll("#list tbody tr[data-live]")]
      .map((row) => figure(`${row.dataset.live.split("/")[0]}:${name}`))
      .filter((value) => typeof value === "number");
    const moved = values.length - inOrder(values, sorted.startsWith("-"));
    again.hidden = moved === 0;
    if (moved) again.firstElementChild.textContent = moved === 1 ? "1 row" : `${moved} rows`;
  });
})();
