// Spans of time in the reader's own zone: <time datetime data-local-to>, and the zone's name in [data-local-zone].
(() => {
  "use strict";
  const day = { weekday: "short", day: "numeric", month: "short", year: "numeric" };
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const write = (moment, parts) => new Intl.DateTimeFormat("en-GB", parts).format(moment).replace(",", "");

  function show() {
    document.querySelectorAll("time[data-local-to]").forEach((element) => {
      const [begin, end] = [new Date(element.dateTime), new Date(element.dataset.localTo)];
      const same = begin.toDateString() === end.toDateString();
      const last = write(end, same ? clock : { weekday: "short", ...clock });
      const text = `${write(begin, day)}, ${write(begin, clock)}–${last}`;
      if (element.textContent !== text) element.textContent = text;
    });
    document.querySelectorAll("table[data-zone]").forEach((table) => table.classList.toggle("same-zone", table.dataset.zone === zone));
    document.querySelectorAll("[data-local-zone]").forEach((element) => { element.textContent = zone; });
  }
  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("htmx:afterSettle", show);
})();
