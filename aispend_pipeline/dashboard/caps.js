// How far every cap is used this month, what the month is expected to come to, and when a cap would be reached.

import { today } from "./api.js";
import { h, instant, place, usd } from "./dom.js";
import { inDollars, parse, percent, sum } from "./money.js";

const OF_ALL = "made from all days together, and not the sum of the others";
const DOUBTS = 3; // that are shown at once

/** A card for each scope that has a cap; of the month before too, as long as late spend is told. */
export function showCaps(status) {
  if (!status.caps.length) {
    const how = "Set OPENAI_HARD_CAP, GLOBAL_SOFT_CAP, ... in .env; caps and addresses count without a restart.";
    place("caps", h("p", { class: "empty" }, h("strong", {}, "No caps are set. "), how));
    return;
  }
  document.getElementById("caps-at").textContent = lookedAt(status);
  place("caps", status.caps.map(card), uncapped(status));
}

/** What a cap is over, for people. */
export function scopeOf(cap) {
  return cap.scope === "global" ? "all providers" : cap.scope;
}

/** Providers that are read and have no card: what they cost is below. */
function uncapped({ caps, providers }) {
  const without = providers.filter((one) => one.state === "on" && !caps.some((cap) => cap.scope === one.provider));
  const names = without.map((one) => one.provider).join(" and ");
  return names ? h("p", { class: "quiet" }, `No cap is set for ${names}; what that costs is below.`) : null;
}

/** A level and its figure belong together: both are as of the last look, which may be older than what is below. */
function lookedAt({ last_evaluation_at: at, as_of: asOf, caps }) {
  const bare = caps.some((cap) => cap.hard_on_estimates === false)
    ? " Estimates do not count towards hard caps."
    : "";
  if (!at) return "The caps were not looked at yet." + bare;
  const newer = asOf > at ? `; newer figures, of ${instant(asOf)}, are below and count at the next look` : "";
  const all = "Of the whole organisation, whatever is chosen below";
  return `${all}; as the caps were looked at last, ${instant(at)}${newer}.${bare}`;
}

function card(cap) {
  const [billed, estimated] = [parse(cap.billed_usd), parse(cap.estimated_usd)];
  return h(
    "article",
    { class: `card ${cap.level}` },
    h("h3", {}, scopeOf(cap), h("span", { class: `word ${cap.level}` }, words(cap))),
    h("p", { class: "amount" }, usd(cap.total_usd)),
    h(
      "p",
      { class: "quiet" },
      "billed ",
      usd(cap.billed_usd),
      estimated ? [" + estimated ", usd(cap.estimated_usd)] : "",
      ` · ${cap.period}`,
    ),
    since(cap),
    billedThrough(cap),
    bar(cap, billed, estimated),
    ...expected(cap),
    ...cap.doubts.slice(0, DOUBTS).map((doubt) => h("p", { class: "doubt" }, doubt)),
    folded(cap.unpriced, "not priced, and in no figure"),
    folded(cap.doubts.slice(DOUBTS), "more"),
  );
}

function folded(lines, what) {
  const listed = lines.map((line) => h("p", { class: "doubt" }, line));
  return lines.length ? h("details", {}, h("summary", {}, `${lines.length} ${what}`), listed) : null;
}

function since(cap) {
  return cap.since && (cap.level === "soft" || cap.level === "hard")
    ? h("p", { class: "quiet" }, `known since ${instant(cap.since)}`)
    : null;
}

/** Of providers whose bills end before today, where: what is used since then is estimated, or not known. */
function billedThrough(cap) {
  const behind = Object.entries(cap.billed_through).filter(([, day]) => day !== today());
  const said = behind.map(([of, day]) =>
    cap.scope === of ? (day ?? "not every account yet") : `${of} ${day ?? "not every account yet"}`,
  );
  return said.length ? h("p", { class: "quiet" }, `billed through ${said.join(", ")}`) : null;
}

function words(cap) {
  if (!cap.soft_usd && !cap.hard_usd) return "no cap any more";
  return (
    { ok: "below", soft: "soft cap reached", hard: "hard cap reached", unknown: "unknown", none: "no cap" }[
      cap.level
    ] ?? cap.level
  );
}

/** Billed and estimated as parts of the highest cap, if it counts both; of what is above it, the bar is full. */
function bar(cap, billed, estimated) {
  const [soft, hard] = [parse(cap.soft_usd), parse(cap.hard_usd)];
  const whole = hard ?? soft;
  if (!whole || billed === null) return null;
  const all = !hard || cap.hard_on_estimates;
  const used = percent(all ? sum([billed, estimated]) : billed, whole);
  const marks = [soft && hard ? mark("soft", soft, whole) : null];
  const beside = soft && hard ? ` · soft cap ${inDollars(soft)}` : "";
  return [
    h(
      "div",
      { class: "bar", role: "img", "aria-label": `${used} % of ${inDollars(whole)}` },
      piece("billed", billed, whole),
      piece("estimated", (all && estimated) || 0n, whole),
      marks,
    ),
    h("p", {}, `${used} % of the ${hard ? "hard" : "soft"} cap ${inDollars(whole)}${beside}`),
  ];
}

function piece(kind, units, whole) {
  const made = h("span", { class: kind });
  made.style.width = `${Math.min(percent(units, whole), 100)}%`;
  return made;
}

function mark(kind, units, whole) {
  const made = h("span", { class: `mark ${kind}` });
  made.style.left = `${Math.min(percent(units, whole), 100)}%`;
  return made;
}

function expected(cap) {
  const forecast = cap.forecast;
  if (!cap.soft_usd && !cap.hard_usd) return [];
  if (!forecast) return [h("p", { class: "quiet" }, "no forecast: it takes three full days, and every bill read")];
  const [low, high] = [parse(forecast.low_usd), parse(forecast.high_usd)].map(inDollars);
  const reached = [
    ["soft", forecast.soft_on],
    ["hard", forecast.hard_on],
  ].filter(([, day]) => day);
  return [
    h(
      "details",
      {},
      h("summary", {}, `expected at the month's end: ${inDollars(parse(forecast.expected_usd))} (${low} to ${high})`),
      h("p", { class: "quiet" }, forecast.method),
    ),
    cap.scope === "global" && h("p", { class: "quiet" }, OF_ALL),
    ...reached.map(([kind, day]) => h("p", { class: "doubt" }, `the ${kind} cap would be reached about ${day}`)),
  ];
}
