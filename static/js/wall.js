// A wall: says hello, shows each frame whole, and stays for months. It keeps no history, so that nothing can grow, and
// never reloads a page that it could not get again. See docs/walls.md.
(() => {
  "use strict";
  const STALE_MS = 10000; // a frame comes every second
  const DEAF_MS = 15000; // open, but silent for so long: begin anew
  const FIRST_RETRY_MS = 500;
  const LONGEST_RETRY_MS = 30000;
  const HOPELESS_MS = 40000; // no socket for so long although HTTP answers: the whole page anew
  const SETTLED_MS = 30000; // a page younger than this does not reload itself: two versions side by side must not make a storm
  const SHIFT_MS = 60000;
  const ENDED = 4410;
  const root = document.documentElement;
  const { link, version, preview } = document.body.dataset;
  const my = { screen: name(), began: performance.now() };
  const part = (id) => document.getElementById(id);

  let socket = null;
  let retryMs = FIRST_RETRY_MS;
  let retryAt = 0;
  let heardAt = performance.now();
  let heardDate = new Date();
  let triedAt = 0; // when a silent socket was last given up
  let reloadTriedAt = 0;
  let reloading = false;
  let ended = false;
  let age = null; // of the data when the last frame came, s
  let scene = "";

  function name() {
    return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // The socket ---------------------------------------------------------------------------------------------------

  function connect() {
    const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/wall`);
    socket = mine;
    mine.onopen = () => { if (mine === socket) mine.send(JSON.stringify({ hello: hello() })); };
    mine.onmessage = (event) => { if (mine === socket) hear(JSON.parse(event.data)); };
    mine.onclose = (event) => {
      if (mine !== socket) return;
      socket = null;
      if (event.code === ENDED) return end("");
      retryAt = performance.now() + retryMs * (0.5 + Math.random());
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    };
  }

  function hello() {
    const size = `${Math.round(screen.width * devicePixelRatio)}x${Math.round(screen.height * devicePixelRatio)}`;
    const said = { link, screen: my.screen, size, version };
    return preview === undefined ? said : { ...said, preview: true };
  }

  function drop() {
    const old = socket;
    socket = null;
    if (!old) return;
    old.onopen = old.onmessage = old.onclose = null;
    old.close();
  }

  function hear(frame) {
    heardAt = performance.now();
    heardDate = new Date();
    retryMs = FIRST_RETRY_MS;
    if (frame.ended) return end(frame.ended);
    if (frame.version !== version) reloadSoon(); // the server was upgraded
    age = frame.age_s;
    show(frame);
    status();
  }

  // The picture --------------------------------------------------------------------------------------------------

  function show(frame) {
    const stage = part("stage");
    if (frame.scene !== scene) {
      scene = frame.scene;
      stage.innerHTML = frame.html;
      document.querySelectorAll("[data-turn]").forEach((dot) => dot.toggleAttribute("data-here", dot.dataset.turn === scene));
    } else {
      Idiomorph.morph(stage, frame.html, { morphStyle: "innerHTML", callbacks: { beforeAttributeUpdated: (attribute) => attribute !== "hidden" } });
    }
    stage.dataset.scene = scene;
    write(part("title"), frame.title);
    write(part("where"), frame.where);
    trouble(frame.trouble);
    window.godwitFit(stage);
  }

  function trouble(told) {
    const line = part("trouble");
    line.hidden = !told;
    if (!told) return;
    line.className = `tone-${told.colour}`;
    write(line.querySelector("span"), told.count > 1 ? `${told.text}, and ${told.count - 1} more` : told.text);
  }

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function end(why) {
    if (!ended && why) write(part("ended").querySelector("span"), `${why} A new link can be made in Godwit, under Walls.`);
    ended = true;
    drop();
    part("stale").hidden = true;
    part("ended").hidden = false;
    part("stage").replaceChildren();
    part("trouble").hidden = true;
  }

  // Every second -------------------------------------------------------------------------------------------------

  const clockParts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const clock = new Intl.DateTimeFormat("en-GB", clockParts);
  const exact = new Intl.DateTimeFormat("en-GB", { ...clockParts, second: "2-digit" });
  const day = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZoneName: "short" });

  function status() {
    const silent = performance.now() - heardAt;
    const stale = !ended && silent > STALE_MS;
    root.toggleAttribute("data-stale", stale);
    part("stale").hidden = !stale;
    if (stale) {
      const old = Date.now() - heardDate > 20 * 3600 * 1000;
      write(part("stale").querySelector("time"), old ? `${day.format(heardDate)}, ${clock.format(heardDate)}` : exact.format(heardDate));
    }
    const now = new Date();
    write(part("clock").querySelector("time"), clock.format(now));
    write(part("clock").querySelector("small"), day.format(now));
    if (scene) write(part("age"), age === null ? "No host has answered yet" : `Data ${words(age + silent / 1000)} old`);
    part("age").classList.toggle("tone-warning", age !== null && age + silent / 1000 > 30);
  }

  function words(seconds) {
    if (seconds < 90) return `${Math.round(seconds)} s`;
    return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
  }

  function tick() {
    status();
    if (ended) return shift();
    const now = performance.now();
    if (socket && now - Math.max(heardAt, triedAt) > DEAF_MS) { triedAt = now; drop(); }
    if (!socket && now >= retryAt) connect();
    if (now - Math.max(heardAt, reloadTriedAt) > HOPELESS_MS) { reloadTriedAt = now; reload(); }
    shift();
  }

  // Some pixels to and fro, so that nothing stands in the same place for months.
  function shift() {
    const minute = Math.floor(performance.now() / SHIFT_MS);
    const place = [Math.sin(minute * 0.9), Math.cos(minute * 0.7)].map((each) => `${(each * 0.6).toFixed(2)}rem`).join(" ");
    if (document.body.style.translate !== place) document.body.style.translate = place;
  }

  function reloadSoon() {
    if (reloading || performance.now() - my.began < SETTLED_MS) return;
    reloading = true;
    setTimeout(() => { reloading = false; reload(); }, Math.random() * 3000); // not all walls in one moment
  }

  // Only a page that is there: what a browser shows instead of one never comes back by itself.
  async function reload() {
    if (reloading) return;
    reloading = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store", credentials: preview === undefined ? "omit" : "same-origin" });
      if (answer.ok || answer.status === 404 || answer.status === 410) return location.reload();
    } catch { /* away: tried again */ }
    reloading = false;
  }

  async function stayAwake() {
    try { if (!document.hidden) await navigator.wakeLock?.request("screen"); } catch { /* the machine's own settings decide */ }
  }

  document.addEventListener("DOMContentLoaded", () => {
    addEventListener("online", () => { retryAt = 0; });
    addEventListener("resize", () => window.godwitFit(part("stage")));
    document.addEventListener("visibilitychange", stayAwake);
    stayAwake();
    connect();
    setInterval(tick, 1000);
    tick();
  });
})();
