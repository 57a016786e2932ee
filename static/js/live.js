// The live path's last stretch: collects what the page shows, joins, and brings frames into the DOM. See docs/live.md.
(() => {
  const STALE_MS = 6000; // the server speaks every 2 s, news or not
  const DEAF_MS = 15000; // open, but silent for so long: begin anew
  const FIRST_RETRY_MS = 300;
  const LONGEST_RETRY_MS = 10000;
  const SIGNED_OUT = 4401;
  const SHOWN = "[data-live], [data-figure], [data-bar], [data-points], [data-topic]";
  const root = document.documentElement;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  let socket = null;
  let retryMs = FIRST_RETRY_MS;
  let retryTimer = 0;
  let heardAt = Date.now(); // of the last frame
  let triedAt = 0; // when a silent socket was last given up
  let wasOpen = false;
  let signedOut = false;
  let version = null;
  let joined = ""; // what this connection was asked for last
  let collecting = 0;
  let drawing = 0;
  let elements = new Map(); // "data-figure vm:12:cpu_percent" -> elements
  const figures = new Map(); // "vm:12:cpu_percent" -> [text, raw]: newer than what a fragment carries
  const essences = new WeakMap(); // element -> what its last paint said, without what ticks
  let inbox = empty(); // newest value per key until the next animation frame; a hidden tab collects here

  function empty() {
    return { html: new Map(), text: new Map(), points: new Map(), topics: new Set() };
  }

  // What the page shows ------------------------------------------------------------------------------------------

  function collect() {
    elements = new Map();
    const items = new Set();
    const note = (attribute, key, element) => {
      const name = `${attribute} ${key}`;
      if (elements.has(name)) elements.get(name).push(element);
      else elements.set(name, [element]);
    };
    document.querySelectorAll(SHOWN).forEach((element) => {
      const { live, figure, bar, points, topic } = element.dataset;
      if (live) { note("live", live, element); items.add(live); }
      if (figure) { note("figure", figure, element); items.add(row(figure)); }
      if (bar) { note("bar", bar, element); items.add(row(bar)); }
      if (points) { note("points", points, element); items.add(`${points}/points`); }
      if (topic) { note("topic", topic, element); items.add(topic); }
    });
    for (const key of figures.keys()) if (!items.has(row(key))) figures.delete(key);
    return [...items].sort();
  }

  function row(figure) { // "vm:12:cpu_percent" -> "vm:12"
    return figure.slice(0, figure.lastIndexOf(":"));
  }

  function join(anew) {
    collecting = 0;
    const message = JSON.stringify({ join: collect() });
    if (socket?.readyState !== WebSocket.OPEN || (message === joined && !anew)) return;
    joined = message;
    socket.send(message);
  }

  // A swap may have brought a page older than the frames it missed: so it joins anew, and gets the current paints.
  function joinSoon(anew) {
    if (anew) joined = "";
    if (!collecting) collecting = setTimeout(join, 60);
  }

  // The socket ---------------------------------------------------------------------------------------------------

  function connect() {
    clearTimeout(retryTimer);
    if (signedOut || (socket && socket.readyState <= WebSocket.OPEN)) return;
    const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live`);
    socket = mine;
    mine.addEventListener("open", () => { if (mine === socket) join(true); });
    mine.addEventListener("message", (event) => { if (mine === socket) hear(JSON.parse(event.data)); });
    mine.addEventListener("close", (event) => {
      if (mine !== socket) return;
      socket = null;
      joined = "";
      if (event.code === SIGNED_OUT) return endSession();
      retryTimer = setTimeout(connect, retryMs * (0.5 + Math.random() / 2));
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    });
  }

  function reconnect() {
    const old = socket;
    socket = null;
    joined = "";
    old?.close();
    connect();
  }

  function hear(frame) {
    heardAt = Date.now();
    retryMs = FIRST_RETRY_MS;
    if (frame.version) welcome(frame.version);
    for (const [key, html] of Object.entries(frame.html ?? {})) inbox.html.set(key, html);
    for (const [topic, said] of Object.entries(frame.text ?? {})) {
      inbox.text.set(topic, { ...inbox.text.get(topic), ...said });
    }
    for (const [topic, sample] of Object.entries(frame.points ?? {})) inbox.points.set(topic, sample);
    for (const topic of frame.topics ?? []) inbox.topics.add(topic);
    if (frame.html || frame.text || frame.points || frame.topics) drawing ||= requestAnimationFrame(draw);
    status();
  }

  function welcome(now) {
    if (version !== null && version !== now && !busy()) location.reload(); // the server was upgraded
    version ??= now;
    if (wasOpen) document.dispatchEvent(new CustomEvent("godwit:back"));
    wasOpen = true;
  }

  function busy() { // somebody is typing, choosing, or reading a dialog
    return document.querySelector("dialog[open]") !== null || document.activeElement?.matches("input, textarea, select");
  }

  // Into the DOM ---------------------------------------------------------------------------------------------------

  function draw() {
    drawing = 0;
    const news = inbox;
    inbox = empty();
    news.text.forEach((said, topic) => {
      for (const [name, value] of Object.entries(said)) {
        const key = `${topic}:${name}`;
        figures.set(key, value);
        elements.get(`figure ${key}`)?.forEach((element) => write(element, value[0]));
        elements.get(`bar ${key}`)?.forEach((element) => fill(element, value[1]));
      }
    });
    news.html.forEach((html, key) => elements.get(`live ${key}`)?.forEach((element) => paint(element, html)));
    news.points.forEach((sample, topic) => elements.get(`points ${topic}`)?.forEach((element) => {
      element.dispatchEvent(new CustomEvent("godwit:points", { detail: sample, bubbles: true }));
    }));
    news.topics.forEach((topic) => elements.get(`topic ${topic}`)?.forEach((element) => {
      element.dispatchEvent(new CustomEvent("godwit:topic", { detail: topic, bubbles: true }));
    }));
    document.dispatchEvent(new CustomEvent("godwit:drawn", { detail: (key) => figures.get(key)?.[1] }));
  }

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // <meter> and <progress> take the raw value (their max is in its unit), an SVG shape its width in percent.
  function fill(element, raw) {
    const value = typeof raw === "number" ? raw : 0;
    if ("value" in element) element.value = value;
    else element.setAttribute("width", `${Math.max(0, Math.min(100, value))}%`);
  }

  function paint(element, html) {
    if (!element.isConnected) return;
    if (html === null) return element.remove(); // the row is gone
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = template.content.firstElementChild;
    if (fresh === null) return;
    const before = essences.get(element) ?? essence(element);
    const after = essence(fresh);
    essences.set(element, after);
    if (before === after) return;
    fresh.querySelectorAll("[data-figure]").forEach((each) => {
      if (figures.has(each.dataset.figure)) write(each, figures.get(each.dataset.figure)[0]);
    });
    const [painted] = Idiomorph.morph(element, fresh, { morphStyle: "outerHTML", callbacks: { beforeAttributeUpdated: mayUpdate } });
    if (painted !== element) essences.set(painted, after);
    if (!painted) return;
    painted.querySelectorAll("[data-bar]").forEach((each) => {
      if (figures.has(each.dataset.bar)) fill(each, figures.get(each.dataset.bar)[1]);
    });
    window.htmx?.process(painted);
    flash(painted);
    joinSoon(false);
  }

  // What a paint says apart from what ticks by itself and from what people did to it here.
  function essence(element) {
    const copy = element.cloneNode(true);
    copy.classList.remove("changed");
    if (!copy.classList.length) copy.removeAttribute("class");
    copy.querySelectorAll("[data-figure], time[data-ago]").forEach((each) => { each.textContent = ""; });
    copy.querySelectorAll("[data-bar]").forEach((each) => { ["value", "width"].forEach((name) => each.removeAttribute(name)); });
    return copy.outerHTML;
  }

  // False: hands off. What a person opened, ticked or typed stays.
  function mayUpdate(name, node) {
    if (name === "open") return !node.matches("details, dialog");
    if (name === "checked" || name === "selected") return false;
    if (name === "value" && node.matches("input, textarea")) return node !== document.activeElement && node.value === node.defaultValue;
    if (["class", "style", "aria-expanded", "data-popper-placement"].includes(name)) return !node.matches(".show, [aria-expanded=true]");
    return true;
  }

  function flash(element) {
    if (calm.matches || !element.matches("tr, [data-flash]")) return;
    element.classList.add("changed");
    setTimeout(() => element.classList.remove("changed"), 1000);
  }

  // Fresh or stale -----------------------------------------------------------------------------------------------

  function endSession() {
    signedOut = true;
    status();
  }

  function status() {
    const stale = signedOut || Date.now() - heardAt > STALE_MS;
    root.toggleAttribute("data-stale", stale);
    let text = wasOpen ? "Live" : "";
    if (stale) text = `No news since ${new Date(heardAt).toLocaleTimeString([], { hour12: false })}`;
    if (signedOut) text = "Signed out. Reload to sign in again";
    const line = document.getElementById("live-status");
    if (line && line.textContent !== text) line.textContent = text;
  }

  function tick() {
    status();
    const now = Date.now();
    if (document.hidden || !socket || now - Math.max(heardAt, triedAt) < DEAF_MS) return;
    triedAt = now;
    reconnect();
  }

  function wake() { // out of sleep, back on the net, or looked at again
    if (document.hidden) return;
    if (!socket) { retryMs = FIRST_RETRY_MS; connect(); }
    else if (Date.now() - heardAt > STALE_MS) reconnect();
    status();
  }

  addEventListener("online", wake);
  addEventListener("pageshow", wake);
  document.addEventListener("visibilitychange", wake);
  document.addEventListener("htmx:afterSettle", () => joinSoon(true));
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver((changes) => {
      if (changes.some(({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes].some((node) => node.nodeType === Node.ELEMENT_NODE))) joinSoon(false);
    }).observe(document.body, { childList: true, subtree: true });
    setInterval(tick, 1000);
    collect();
    connect();
  });
})();
