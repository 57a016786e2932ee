// The curve of a migration: remaining as an area, throughput and dirty rate as two lines on one scale (their
// crossing is convergence), passes as hairlines, decisions as flags, the forecast dashed. History comes from
// data-samples, ticks from the DOM event godwit:points, flags from the log's [data-mark] elements.
(() => {
  "use strict";
  const MIB = 1048576;
  const HEIGHT = 320;

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const faint = (name) => `color-mix(in srgb, ${token(name)} 16%, transparent)`;
  const mib = (bytes) => (bytes === null || bytes === undefined ? null : bytes / MIB);
  const tidy = (value) => (value === null || value === undefined ? "–" : value >= 100 ? value.toFixed(0) : value.toFixed(1));

  class MigrationChart {
    constructor(element) {
      this.element = element;
      this.data = [[], [], [], []];
      this.passes = [];
      this.marks = [];
      this.forecast = null;
      this.pass = 0;
      this.early = [];
      this.makePlot();
      element.addEventListener("godwit:points", (event) => this.tick(event.detail));
      new ResizeObserver(() => this.resize()).observe(element);
      new MutationObserver(() => this.restyle()).observe(document.documentElement, {
        attributes: true, attributeFilter: ["data-bs-theme"],
      });
      this.watchMarks();
      this.load();
    }

    makePlot() {
      const grid = { stroke: token("--grid"), width: 1 };
      const axis = { stroke: token("--muted"), grid, ticks: grid, font: "11px system-ui" };
      this.plot = new uPlot({
        width: this.element.clientWidth || 600,
        height: HEIGHT,
        cursor: { points: { size: 6 } },
        legend: { live: true },
        scales: {
          x: { time: false, range: (_plot, low, high) => this.span(low, high) },
          size: { range: (_plot, _low, high) => [0, Math.max(1, high) * 1.08] },
          rate: { range: (_plot, _low, high) => [0, Math.max(1, high) * 1.08] },
        },
        axes: [
          { ...axis, values: (_plot, splits) => splits.map((s) => (s >= 120 ? `${Math.floor(s / 60)} min ${Math.round(s % 60)} s` : `${+s.toFixed(1)} s`)) },
          { ...axis, scale: "size", label: "Remaining, MiB", labelSize: 18, labelFont: "11px system-ui", size: 48 },
          { ...axis, scale: "rate", side: 1, label: "MiB/s", labelSize: 18, labelFont: "11px system-ui", size: 42, grid: { show: false } },
        ],
        series: [
          { label: "Time", value: (_plot, s) => (s === null ? "–" : `${s.toFixed(1)} s`) },
          { label: "Remaining", scale: "size", stroke: token("--curve-remaining"), fill: faint("--curve-remaining"), width: 1.5, points: { show: false }, value: (_p, v) => `${tidy(v)} MiB` },
          { label: "Throughput", scale: "rate", stroke: token("--curve-throughput"), width: 1.5, points: { show: false }, value: (_p, v) => `${tidy(v)} MiB/s` },
          { label: "Dirty rate", scale: "rate", stroke: token("--curve-dirty"), width: 1.5, spanGaps: true, points: { show: false }, value: (_p, v) => `${tidy(v)} MiB/s` },
        ],
        hooks: { drawAxes: [(plot) => this.drawPasses(plot)], draw: [(plot) => this.drawOver(plot)] },
      }, this.data, this.element);
    }

    span(low, high) {
      if (low === null || high === null) return [0, 10];
      const end = this.forecast ? Math.max(high, this.forecast.last + this.forecast.high) : high;
      return [0, Math.max(end, 2)];
    }

    // History first: a tick that comes before it waits in ``early``.
    async load() {
      if (this.loading) return;
      this.loading = true;
      try { await this.fetchNew(); } finally { this.loading = false; }
      this.early.splice(0).forEach((sample) => this.tick(sample));
    }

    async fetchNew() {
      const since = this.start === undefined ? 0 : this.start + this.data[0][this.data[0].length - 1];
      const answer = await fetch(`${this.element.dataset.samples}?since=${since}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const columns = await answer.json();
      columns.at.forEach((at, i) => this.add(at, columns.remaining_bytes[i], columns.throughput[i], columns.dirty_rate[i], columns.iteration[i]));
      this.readMarks();
      this.redraw();
    }

    add(at, remaining, throughput, dirty, iteration) {
      if (this.start === undefined) this.start = at;
      const [t, left, through, writes] = this.data;
      const x = at - this.start;
      if (t.length && x <= t[t.length - 1]) return;
      t.push(x);
      left.push(mib(remaining));
      through.push(mib(throughput));
      writes.push(mib(dirty));
      if (iteration > this.pass) {
        if (this.pass) this.passes.push({ x, number: iteration });
        this.pass = iteration;
      }
    }

    tick(sample) {
      if (this.loading) { this.early.push(sample); return; }
      const at = Date.parse(sample.at) / 1000;
      const behind = this.start !== undefined && at - this.start - this.data[0][this.data[0].length - 1] > 3;
      if (behind && !sample.waited) { // frames were missed: the database has them, and this one a second later
        this.early.push({ ...sample, waited: true });
        this.load();
        return;
      }
      this.add(at, sample.remaining_bytes, sample.throughput, sample.dirty_rate, sample.iteration);
      if (sample.finish_low_s === null || sample.state !== "copying") this.forecast = null;
      else if (sample.finish_low_s !== undefined) this.forecast = { last: at - this.start, from: mib(sample.remaining_bytes), low: sample.finish_low_s, high: sample.finish_high_s };
      this.redraw();
    }

    redraw() {
      if (this.pending) return;
      this.pending = requestAnimationFrame(() => {
        this.pending = 0;
        this.plot.setData(this.data);
        this.element.dataset.count = this.data[0].length;
      });
    }

    watchMarks() {
      const main = document.querySelector("main") || document.body;
      new MutationObserver(() => { if (this.readMarks()) this.redraw(); }).observe(main, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-mark", "data-at"] });
    }

    readMarks() {
      const log = document.getElementById(this.element.dataset.marks);
      if (!log || this.start === undefined) return false;
      const marks = [...log.querySelectorAll("[data-mark]")].map((line) => ({ x: Number(line.dataset.at) - this.start, words: line.dataset.mark, kind: line.dataset.kind }));
      const key = JSON.stringify(marks);
      if (key === this.marksKey) return false;
      this.marksKey = key;
      this.marks = marks.filter((mark) => mark.x >= 0);
      return true;
    }

    drawPasses(plot) {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.strokeStyle = token("--line");
      ctx.lineWidth = devicePixelRatio;
      this.passes.slice(-400).forEach((pass) => {
        const x = Math.round(plot.valToPos(pass.x, "x", true));
        ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
      });
      ctx.restore();
    }

    drawOver(plot) {
      const { ctx } = plot;
      ctx.save();
      this.drawForecast(plot, ctx);
      this.drawFlags(plot, ctx);
      ctx.restore();
    }

    drawForecast(plot, ctx) {
      const view = this.forecast;
      if (!view || view.from === null) return;
      const at = (x, y) => [plot.valToPos(x, "x", true), plot.valToPos(y, "size", true)];
      const start = at(view.last, view.from), low = at(view.last + view.low, 0), high = at(view.last + view.high, 0);
      ctx.fillStyle = faint("--curve-forecast");
      ctx.beginPath(); ctx.moveTo(...start); ctx.lineTo(...low); ctx.lineTo(...high); ctx.closePath(); ctx.fill();
      ctx.strokeStyle = token("--curve-forecast");
      ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.lineWidth = 1.5 * devicePixelRatio;
      ctx.beginPath(); ctx.moveTo(...start); ctx.lineTo((low[0] + high[0]) / 2, low[1]); ctx.stroke();
      ctx.setLineDash([]);
    }

    drawFlags(plot, ctx) {
      const { bbox } = plot, ratio = devicePixelRatio, rows = [];
      ctx.font = `${11 * ratio}px system-ui`;
      ctx.textBaseline = "middle";
      [...this.marks].sort((a, b) => a.x - b.x).forEach((mark) => {
        const x = plot.valToPos(mark.x, "x", true);
        if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) return;
        const width = ctx.measureText(mark.words).width + 8 * ratio;
        const left = Math.min(x, bbox.left + bbox.width - width);
        let row = rows.findIndex((end) => end < left);
        if (row < 0) row = rows.length;
        rows[row] = left + width + 4 * ratio;
        const y = bbox.top + (9 + row * 17) * ratio;
        const colour = token(mark.kind === "state" ? "--busy" : mark.kind === "refused" ? "--failed" : "--curve-dirty");
        ctx.strokeStyle = ctx.fillStyle = colour;
        ctx.lineWidth = ratio;
        ctx.beginPath(); ctx.moveTo(x, y); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
        ctx.beginPath(); ctx.roundRect(left, y - 8 * ratio, width, 16 * ratio, 3 * ratio); ctx.fill();
        ctx.fillStyle = token("--surface");
        ctx.fillText(mark.words, left + 4 * ratio, y);
      });
    }

    resize() {
      const width = this.element.clientWidth;
      if (width && Math.abs(width - this.plot.width) > 1) this.plot.setSize({ width, height: HEIGHT });
    }

    restyle() {
      this.plot.destroy();
      this.makePlot();
      this.redraw();
    }
  }

  async function fillTable(details) {
    const answer = await fetch(details.dataset.samplesTable);
    if (!answer.ok) return;
    const columns = await answer.json();
    const body = details.querySelector("tbody");
    const cell = (text, number) => { const td = document.createElement("td"); td.textContent = text; if (number) td.className = "number"; return td; };
    body.replaceChildren(...columns.at.map((at, i) => {
      const row = document.createElement("tr");
      row.append(cell(new Date(at * 1000).toISOString().slice(11, 22)), cell(columns.iteration[i], true), cell(tidy(mib(columns.remaining_bytes[i])), true),
        cell(tidy(mib(columns.processed_bytes[i])), true), cell(tidy(mib(columns.throughput[i])), true), cell(tidy(mib(columns.dirty_rate[i])), true));
      return row;
    }));
  }

  document.querySelectorAll(".migration-chart").forEach((element) => new MigrationChart(element));
  document.querySelectorAll("[data-samples-table]").forEach((details) => details.addEventListener("toggle", () => { if (details.open) fillTable(details); }));
})();
