"use strict";
/* Everything works without this file; it copies, draws, and keeps a form from being sent twice. */
(() => {
  const each = (root, what, act) => root.querySelectorAll(what).forEach(act);
  const root = document.documentElement;
  const text = (name) => document.body.dataset[name] || "";

  /* Copying: the buttons show themselves only where copying works. */
  const say = (words) => {
    const place = document.getElementById("told");
    if (place) place.textContent = words;
  };
  const copyOld = (value) => {
    const area = document.createElement("textarea");
    area.value = value;
    area.className = "away";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  const copy = async (button) => {
    const value = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      if (!copyOld(value)) return;
    }
    button.focus();
    say(text("copied") + " " + value);
    button.dataset.done = "yes";
    setTimeout(() => delete button.dataset.done, 2000);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });

  /* A form is sent once: while it is under way its buttons rest. The server would do it once all the same. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => each(document, "form[data-sent]", (form) => {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }));

  /* Charts: the numbers are the table's; what is drawn is only a picture of them. */
  const zone = "Asia/Ho_Chi_Minh";
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "2-digit", month: "2-digit" });
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  const numbersOf = (table) => {
    const times = [];
    const series = [];
    each(table, "tbody tr", (row) => {
      const time = row.querySelector("time");
      if (!time) return;
      times.push(Date.parse(time.dateTime) / 1000);
      row.querySelectorAll("td").forEach((cell, n) => {
        (series[n] = series[n] || []).push(cell.dataset.value === "" ? null : Number(cell.dataset.value));
      });
    });
    const order = times.map((_, n) => n).sort((a, b) => times[a] - times[b]);
    return [order.map((n) => times[n]), ...series.map((one) => order.map((n) => one[n]))];
  };
  const draw = (figure) => {
    const table = figure.querySelector("table");
    const plot = figure.querySelector(".plot");
    if (!table || !plot || !window.uPlot) return;
    const data = numbersOf(table);
    plot.replaceChildren();
    if (data.length < 2 || data[0].length < 2) return;
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
    const span = data[0][data[0].length - 1] - data[0][0];
    const shape = (value) => (span > 2 * 86400 ? day : clock).format(new Date(value * 1000));
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { stroke: colour("--rule") } };
    const whole = new Intl.NumberFormat(root.lang);
    const chart = new window.uPlot({
      width: Math.max(240, plot.clientWidth),
      height: 200,
      cursor: { y: false },
      scales: { y: { range: (_, low, high) => [Math.min(0, low || 0), Math.max(1, (high || 0) * 1.1)] } },
      axes: [
        { ...axis, values: (_, splits) => splits.map(shape) },
        { ...axis, size: 56, values: (_, splits) => splits.map((value) => whole.format(value)) },
      ],
      series: [
        { label: heads[0], value: (_, value) => (value == null ? "" : `${day.format(new Date(value * 1000))} ${clock.format(new Date(value * 1000))}`) },
        ...data.slice(1).map((_, n) => ({
          label: heads[n + 1],
          stroke: colour(`--series-${(n % 4) + 1}`),
          width: 2,
          dash: [[], [6, 3], [2, 3], [10, 3, 2, 3]][n % 4],
          points: { show: false },
          value: (_u, value) => (value == null ? "–" : whole.format(value)),
        })),
      ],
    }, data, plot);
    plot.chart = chart;
  };
  const fit = new ResizeObserver((entries) => entries.forEach(({ target, contentRect }) => {
    if (target.chart && contentRect.width > 0) target.chart.setSize({ width: Math.max(240, contentRect.width), height: 200 });
  }));

  const dress = (part) => {
    each(part, "[data-copy]", (button) => { button.hidden = false; });
    each(part, "figure[data-chart]", (figure) => {
      draw(figure);
      const plot = figure.querySelector(".plot");
      if (plot) fit.observe(plot);
    });
  };
  document.addEventListener("DOMContentLoaded", () => dress(document));
  document.addEventListener("htmx:afterSettle", (event) => dress(event.target));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => each(document, "figure[data-chart]", draw));
})();
