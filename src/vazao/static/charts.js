/* Pictures of time series with uPlot:

   <div data-chart="ADDRESS" data-height="220" data-empty="What is said where there is nothing yet"></div>

   ADDRESS answers {"x": [unix seconds…], "series": [{"label": "…", "values": [number or null…]}],
   "format": "number" or "percent" (of shares from 0 to 1)}; data-time is the word for the time.
   A page that has one loads vendor/uplot.min.css, vendor/uplot.min.js and this file in its blocks.
   Colours come from the page's design tokens, so light and dark follow. */
"use strict";
(() => {
  const language = document.documentElement.lang || "en";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const STROKES = ["--river", "--sun", "--leaf", "--clay"];

  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(language, { day: "2-digit", month: "2-digit" });
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" });
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const TWO_DAYS = 172_800;

  const axis = () => ({
    stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
  });

  const draw = (element, data) => {
    const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 2 });
    const numbers = data.format === "percent" ? percent : compact;
    const short = data.x.at(-1) - data.x[0] > TWO_DAYS ? day : clock;
    const moment = (format) => (value) => format.format(new Date(value * 1000));
    const told = (_, value) => (value === null || value === undefined ? "—" : numbers.format(value));
    const series = data.series.map((each, index) => ({
      label: each.label, stroke: colour(STROKES[index % STROKES.length]), width: 2, points: { show: false }, value: told,
    }));
    const options = {
      width: element.clientWidth, height: Number(element.dataset.height ?? 220),
      series: [{
        label: element.dataset.time ?? "",
        value: (_, value) => (value === null ? "—" : moment(exact)(value)),
      }, ...series],
      scales: { y: { range: (_, low, high) => [0, data.format === "percent" ? 1 : Math.max(high * 1.1, 1)] } },
      axes: [{ ...axis(), values: (_, ticks) => ticks.map(moment(short)) }, { ...axis(), size: 56, values: (_, ticks) => ticks.map((v) => numbers.format(v)) }],
    };
    element.replaceChildren();
    const plot = new uPlot(options, [data.x, ...data.series.map((each) => each.values)], element);
    new ResizeObserver(() => {
      if (plot.width !== element.clientWidth) {
        plot.setSize({ width: element.clientWidth, height: options.height });
      }
    }).observe(element);
  };

  const show = async (element) => {
    const answer = await fetch(element.dataset.chart, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const data = await answer.json();
    if (data.x.length) draw(element, data);
    else element.textContent = element.dataset.empty ?? "";
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll("[data-chart]")) show(element);
  });
})();
