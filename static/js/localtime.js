// Times in the reader's zone: the one of the account (<body data-reader-zone>), else the browser's. UTC stays on hover.
// <time datetime data-at>, spans <time datetime data-local-to>, the zone's name in [data-local-zone], fields [data-zone-field].
(() => {
  "use strict";
  const day = { weekday: "short", day: "numeric", month: "short", year: "numeric" };
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const browsers = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const makers = new Map(); // making a formatter costs more than writing with it
  let zone = browsers;

  function write(moment, parts) {
    const key = zone + JSON.stringify(parts);
    if (!makers.has(key)) makers.set(key, new Intl.DateTimeFormat("en-GB", { ...parts, timeZone: zone }));
    return makers.get(key).format(moment).replace(",", "");
  }
  const date = (moment) => write(moment, { year: "numeric", month: "2-digit", day: "2-digit" });
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  function point(element) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    if (element.dataset.at === "clock") { put(element, write(moment, { ...clock, second: "2-digit" })); return; }
    const exact = element.dataset.at === "exact";
    const year = !exact && write(moment, { year: "numeric" }) === write(new Date(), { year: "numeric" }) ? {} : { year: "numeric" };
    put(element, `${write(moment, { day: "numeric", month: "short", ...year })}, ${write(moment, exact ? { ...clock, second: "2-digit" } : clock)}`);
  }

  function span(element) {
    const [begin, end] = [new Date(element.dateTime), new Date(element.dataset.localTo)];
    const last = write(end, date(begin) === date(end) ? clock : { weekday: "short", ...clock });
    put(element, `${write(begin, day)}, ${write(begin, clock)}–${last}`);
  }

  function show() {
    document.querySelectorAll("time[data-at]").forEach(point);
    document.querySelectorAll("time[data-local-to]").forEach(span);
    document.querySelectorAll("table[data-zone]").forEach((table) => table.classList.toggle("same-zone", table.dataset.zone === zone));
    document.querySelectorAll("[data-local-zone]").forEach((element) => put(element, zone));
    document.querySelectorAll("[data-zone-field]").forEach((field) => { if (field.value !== zone) field.value = zone; });
    document.querySelectorAll("input[data-utc]").forEach((field) => { // what it holds is a moment: said in the zone that is sent with it
      field.value = `${write(new Date(field.dataset.utc), { year: "numeric", month: "2-digit", day: "2-digit" }).split("/").reverse().join("-")}T${write(new Date(field.dataset.utc), clock)}`;
      delete field.dataset.utc;
    });
    document.querySelectorAll("[data-browser-zone]").forEach((element) => put(element, browsers));
  }

  window.godwitTime = {
    zone: () => zone,
    clock: (ms, seconds) => write(new Date(ms), seconds ? { ...clock, second: "2-digit" } : clock),
  };
  document.addEventListener("DOMContentLoaded", () => {
    const chosen = document.body.dataset.readerZone;
    try { if (chosen) { Intl.DateTimeFormat("en-GB", { timeZone: chosen }); zone = chosen; } } catch { /* this browser does not know it */ }
    show();
    // before the browser paints: what a swap or a morph brought in UTC is never seen
    new MutationObserver(show).observe(document.body, { subtree: true, childList: true, characterData: true, attributeFilter: ["datetime"] });
  });
})();
