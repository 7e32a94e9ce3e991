/* Pictures of time series with uPlot:

   <div data-chart="ADDRESS" data-height="220"></div>

   ADDRESS answers {"x": [unix seconds…], "series": [{"label": "…", "values": [number or null…]}]}.
   A page that has one loads vendor/uplot.min.css, vendor/uplot.min.js and this file in its blocks.
   Colours come from the page's design tokens, so light and dark follow. */
"use strict";
(() => {
  const language = document.documentElement.lang || "en";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const STROKES = ["--river", "--sun", "--leaf", "--clay"];

  const axis = () => ({
    stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
  });

  const draw = (element, data) => {
    const numbers = new Intl.NumberFormat(language, { notation: "compact" });
    const series = data.series.map((each, index) => ({
      label: each.label, stroke: colour(STROKES[index % STROKES.length]), width: 2, points: { show: false },
    }));
    const options = {
      width: element.clientWidth, height: Number(element.dataset.height ?? 220),
      series: [{}, ...series],
      axes: [axis(), { ...axis(), size: 56, values: (_, ticks) => ticks.map((v) => numbers.format(v)) }],
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
    if (answer.ok) draw(element, await answer.json());
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll("[data-chart]")) show(element);
  });
})();
