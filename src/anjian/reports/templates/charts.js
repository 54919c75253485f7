"use strict";
// Draws the figures of the page's data with plotly.js, in the colours of the scheme. Reads nothing but the page.
const DATA = JSON.parse(document.getElementById("data").textContent);

/** Makes an element with a class and children; strings become text nodes. */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

const charts = (() => {
  const PHONE = 640;
  const PAPER = 640;
  const drawn = new Map();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function put(object, path, value) {
    const keys = path.split(".");
    const last = keys.pop();
    keys.reduce((at, key) => (at[key] ??= {}), object)[last] = value;
  }

  const printed = () => Boolean(document.documentElement.dataset.print);

  function layoutOf(figure) {
    const layout = structuredClone(figure.layout);
    const narrow = window.innerWidth < PHONE && !printed();
    if (narrow) Object.entries(figure.narrow ?? {}).forEach(([path, value]) => put(layout, path, value));
    const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line"), fixedrange: true };
    layout.margin ??= { l: 8, r: 30, t: 44, b: 32 };
    layout.font = { family: getComputedStyle(document.body).fontFamily, size: narrow ? 11 : 13, color: colour("--ink") };
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.xaxis = { ...axis, automargin: true, ...layout.xaxis };
    layout.yaxis = { ...axis, automargin: true, ...layout.yaxis };
    layout.legend = { orientation: "h", itemclick: false, itemdoubleclick: false, x: 0, y: 1, yanchor: "bottom", ...layout.legend };
    layout.hoverlabel = { bgcolor: colour("--card"), bordercolor: colour("--strong-line"), font: { color: colour("--ink") }, align: "left" };
    layout.dragmode = false;
    if (layout.polar) {
      layout.polar.bgcolor = "rgba(0,0,0,0)";
      Object.assign(layout.polar.radialaxis, { gridcolor: colour("--line"), linecolor: colour("--line"), tickfont: { size: 10, color: colour("--muted") } });
      Object.assign(layout.polar.angularaxis, { gridcolor: colour("--line"), linecolor: colour("--line") });
      layout.legend = { orientation: "h", itemclick: false, itemdoubleclick: false, x: 0.5, xanchor: "center", y: 0.01, yanchor: "bottom", yref: "container", font: { size: 12 } };
    }
    for (const shape of layout.shapes ?? []) shape.fillcolor = colour("--band");
    return layout;
  }

  function marksOf(figure) {
    const data = structuredClone(figure.data);
    for (const trace of data) for (const error of [trace.error_x, trace.error_y]) if (error) error.color = colour("--ink");
    return data;
  }

  function draw(place, figure) {
    const box = document.querySelector(`[data-figure="${place}"]`);
    if (!box) return;
    if (!figure) {
      box.hidden = true;
      return;
    }
    let plot = box.querySelector(".plot");
    if (!plot) {
      if (figure.title) box.append(Object.assign(document.createElement("figcaption"), { textContent: figure.title }));
      plot = box.appendChild(Object.assign(document.createElement("div"), { className: "plot" }));
    }
    drawn.set(place, figure);
    const width = printed() ? PAPER : plot.clientWidth;
    Plotly.react(plot, marksOf(figure), { ...layoutOf(figure), width }, { displayModeBar: false, responsive: false });
  }

  const redraw = () => drawn.forEach((figure, place) => draw(place, figure));

  /** Draws again whenever the width, the colour scheme or the medium changes. */
  function follow() {
    let waiting;
    let width = window.innerWidth;
    window.addEventListener("resize", () => {
      if (window.innerWidth === width) return; // A phone's address bar comes and goes.
      width = window.innerWidth;
      clearTimeout(waiting);
      waiting = setTimeout(redraw, 150);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    const printing = (on) => () => {
      if (on) document.documentElement.dataset.print = "1";
      else delete document.documentElement.dataset.print;
      redraw();
    };
    window.addEventListener("beforeprint", printing(true));
    window.addEventListener("afterprint", printing(false));
  }

  return { draw, follow };
})();
