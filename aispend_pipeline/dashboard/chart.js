// Draws the bars. Plotly comes with the page as `window.Plotly`; lengths are floats here, figures are not.

import { shown, sum, toNumber } from "./money.js";
import { daysOfMonth } from "./view.js";

const TICKS = 10;
const TICK_WIDTH = 70; // pixels
const CONFIG = { displayModeBar: false, responsive: true };

/** Draw `what.groups` over `what.days` into `where`; `open(keys)` is called for a bar that is chosen. */
export function draw(where, what, open) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const traces = what.groups.flatMap((group, at) => {
    const paint = colour(paintOf(group, at));
    return [trace(what, group, "billed", paint), trace(what, group, "estimated", paint)];
  });
  Plotly.react(where, traces.filter(Boolean), layout(what, colour, where), CONFIG);
  where.setAttribute("role", "img");
  where.setAttribute("aria-label", "Bars of spend by day; the table below has the same figures");
  where.removeAllListeners?.("plotly_click");
  where.on("plotly_click", ({ points: [point] }) => {
    const group = point.data.meta;
    if (group.keys) open({ from: point.customdata[1], to: point.customdata[1], ...group.keys });
  });
}

/** The name of a group's colour. */
export function paintOf(group, at) {
  return group.keys ? `c${at % 8}` : "other";
}

function trace(what, group, kind, paint) {
  const amounts = what.days.map((day) => group.days.get(day)?.[kind] ?? null);
  if (amounts.every((one) => one === null)) return null;
  const heights = what.view.chart === "sum" ? running(what.days, amounts) : amounts;
  const estimated = kind === "estimated";
  return {
    type: "bar",
    name: estimated ? `${group.name}, estimated` : group.name,
    x: what.days,
    y: heights.map((one) => (one === null ? null : toNumber(one))),
    customdata: heights.map((one, at) => [shown(one), what.days[at]]),
    hovertemplate: "%{x}<br>%{fullData.name}: %{customdata[0]}<extra></extra>",
    marker: {
      color: paint,
      line: { width: 0 },
      opacity: estimated ? 0.6 : 1,
      pattern: estimated ? { shape: "/", fgcolor: paint, bgcolor: "rgba(0,0,0,0)", size: 6 } : undefined,
    },
    meta: group,
  };
}

/** Month so far: each month begins at nothing; a day that is not known keeps the height of the day before. */
function running(days, amounts) {
  let [so, month] = [null, null];
  return amounts.map((one, at) => {
    if (days[at].slice(0, 7) !== month) [so, month] = [null, days[at].slice(0, 7)];
    so = sum([so, one]);
    return so;
  });
}

function layout(what, colour, where) {
  const ink = colour("ink");
  return {
    barmode: "relative",
    bargap: 0.15,
    height: 360,
    margin: { l: 56, r: what.caps.length ? 84 : 12, t: 12, b: 32 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, family: "inherit", size: 13 },
    showlegend: false,
    xaxis: { type: "category", ...ticks(what.days, where), gridcolor: colour("line"), fixedrange: true },
    yaxis: {
      tickprefix: "$",
      tickformat: ",~s",
      gridcolor: colour("line"),
      zerolinecolor: colour("line"),
      fixedrange: true,
    },
    shapes: [...missing(what, colour), ...caps(what, colour)],
    annotations: [...labels(what, colour)],
    dragmode: false,
  };
}

/** Days whose bill is not whole are shaded from top to bottom, whatever their bars say. */
function missing(what, colour) {
  return [...what.missing].map(([day, { waiting }]) => ({
    type: "rect",
    xref: "x",
    yref: "paper",
    x0: what.days.indexOf(day) - 0.5,
    x1: what.days.indexOf(day) + 0.5,
    y0: 0,
    y1: 1,
    fillcolor: colour(waiting ? "waiting" : "missing"),
    line: { width: 0 },
    layer: "below",
  }));
}

/** A cap of a month as a line: as it is in the month so far, and each day's even share of it otherwise. */
function caps(what, colour) {
  return what.caps.map(([kind, usd]) => ({
    type: "line",
    xref: "paper",
    x0: 0,
    x1: 1,
    y0: height(what, usd),
    y1: height(what, usd),
    line: { color: colour(kind), width: 2, dash: kind === "soft" ? "dot" : "dash" },
  }));
}

function labels(what, colour) {
  return what.caps.map(([kind, usd]) => ({
    xref: "paper",
    x: 1,
    xanchor: "left",
    y: height(what, usd),
    yanchor: "middle",
    showarrow: false,
    text: what.view.chart === "sum" ? `${kind} cap` : `${kind} cap / day`,
    font: { color: colour(kind), size: 12 },
  }));
}

function height(what, usd) {
  return toNumber(usd) / (what.view.chart === "sum" ? 1 : daysOfMonth(what.view.to));
}

/** At most so many days have their names below the bars. */
function ticks(days, where) {
  const step = Math.ceil(days.length / Math.min(TICKS, where.clientWidth / TICK_WIDTH));
  const named = days.filter((_, at) => at % step === 0);
  return { tickvals: named, ticktext: named.map(short), range: [-0.5, days.length - 0.5] };
}

function short(day) {
  return new Date(day + "T00:00:00Z").toLocaleDateString("en", { month: "short", day: "numeric", timeZone: "UTC" });
}
