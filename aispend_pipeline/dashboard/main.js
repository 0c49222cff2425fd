// The page: reads the view from its address, asks for what it shows, and shows each part as it comes.

import { age, beginRound, get, isOneSnapshot, today } from "./api.js";
import { showAlerts } from "./alerts.js";
import { scopeOf, showCaps } from "./caps.js";
import { askCorrections, showCorrections } from "./corrections.js";
import { showCoverage } from "./coverage.js";
import { askDaily, showDaily } from "./daily.js";
import { h, instant, place } from "./dom.js";
import { showEvidence } from "./evidence.js";
import { showFilters } from "./filters.js";
import { askGroups, askMovers, showGroups, showMovers } from "./groups.js";
import { asked, later, readView } from "./view.js";

const LOOK_AGAIN = 30_000;
const ROUNDS = 4; // that are asked for figures of one snapshot, while new ones come
const STATES = { ok: "well", degraded: "in doubt", failing: "failing" };
const SAME = 2_000; // snapshots are told apart by the second
let shownAsOf = null;
let shownFor = null; // the view without what is opened on top of it
let round = 0;

/** Show what the address says; parts that are there already stay, dimmed, until they are known anew. */
async function show() {
  const mine = ++round;
  for (let tries = 1; tries <= ROUNDS && mine === round; tries += 1) {
    beginRound();
    const status = await part(mine, "state", get("/status"), showState);
    if (!status || mine !== round) return;
    const view = readView(location.hash, today());
    const looked = JSON.stringify({ ...view, opened: null, page: null, row: null });
    if (looked !== shownFor || status.as_of !== shownAsOf) {
      await showAll(mine, view, status);
      if (mine !== round) return;
      [shownFor, shownAsOf] = [looked, status.as_of];
    }
    await showEvidence(view);
    if (isOneSnapshot() && !(age(status.as_of) <= SAME)) return; // without a snapshot there is no age
    shownFor = null;
    await new Promise((go) => setTimeout(go, SAME));
  }
}

async function showAll(mine, view, status) {
  showFilters(view);
  showCaps(status);
  const days = get("/spend", asked(view, { groupBy: "day" }));
  await Promise.all([
    part(mine, "daily", askDaily(view, days), (found) => showDaily(view, found, status)),
    part(mine, "coverage", days, (spend) => {
      showNotice(spend, status);
      showCoverage(spend, status);
    }),
    part(mine, "restated", askCorrections(view, days), (found) => showCorrections(view, found)),
    part(mine, "movers", askMovers(view), (found) => showMovers(view, found)),
    part(mine, "groups", askGroups(view), (found) => showGroups(view, found)),
    part(mine, "alerts", get("/alerts", new URLSearchParams({ limit: 20 })), (found) =>
      showAlerts(found, status, again),
    ),
  ]);
}

/** One part of the page: a failure of it is shown in its place, and the others go on; what is late is not shown. */
async function part(mine, id, asking, showIt) {
  document.getElementById(id).setAttribute("aria-busy", "true");
  try {
    const found = await asking;
    if (mine !== round) return null;
    showIt(found);
    document.getElementById(id).setAttribute("aria-busy", "false");
    return found;
  } catch (error) {
    if (mine !== round) return null;
    const retry = h("button", { type: "button", onclick: again }, "Try again");
    place(id, h("p", { class: "wrong", role: "alert" }, `Not shown: ${error.message} `, retry));
    return null;
  }
}

function again() {
  shownFor = null;
  return show();
}

function showState(status) {
  const reasons = status.reasons.map((reason) => h("li", {}, reason));
  const word = [
    h("span", { class: "quiet" }, "figures "),
    h("span", { class: `word ${status.status}` }, STATES[status.status]),
  ];
  const how = reasons.length
    ? h("details", {}, h("summary", {}, ...word, `, ${reasons.length} to look at`), h("ul", {}, reasons))
    : h("span", {}, ...word);
  place("state", how, ...reached(status.caps), h("span", { class: "quiet" }, `as of ${instant(status.as_of)}`));
}

/** The caps that are reached, which says nothing against the figures. */
function reached(caps) {
  return ["hard", "soft"].flatMap((level) => {
    const scopes = caps.filter((cap) => cap.level === level).map(scopeOf);
    return scopes.length ? h("span", { class: `word ${level}` }, `${level} cap reached: ${scopes.join(", ")}`) : [];
  });
}

/** What a reader must know before any figure: that there are none, or that they are too low, and why. */
function showNotice(spend, status) {
  document.getElementById("notice").replaceChildren(...notices(spend, status));
}

function notices(spend, status) {
  const failing = status.sources.find((source) => source.last_ingest?.error);
  const why =
    failing && ` ${failing.source} ${failing.account}: ${failing.last_ingest.error} (aispend doctor says more).`;
  if (!spend.coverage.days.some((day) => day.last_read_at) && !spend.rows.length) {
    const on = status.providers.some((provider) => provider.state === "on");
    const next = on
      ? "Run: aispend ingest, or wait for the next hour of aispend up."
      : "No provider has a key yet: aispend doctor says what is needed.";
    return [h("p", { class: "empty" }, h("strong", {}, "Nothing was read yet. "), why ?? next)];
  }
  const before = later(today(), -2);
  const late = spend.coverage.days.filter(
    (day) => day.state === "failed" || day.state === "partial" || day.detail?.half_read,
  );
  const awaited = spend.coverage.days.filter((day) => day.state === "not_due" && day.day < before);
  const where = h("a", { href: "#coverage-title", onclick: jump }, "Which days");
  return [
    late.length &&
      h(
        "p",
        { class: "too-low" },
        `Too low: some of these days could not be read (${feeds(late)}).`,
        why,
        " ",
        where,
      ),
    awaited.length && h("p", { class: "too-low" }, `Not all is there yet: ${feeds(awaited)}. `, where),
  ].filter(Boolean);
}

function feeds(days) {
  return [...new Set(days.map((day) => `${day.source} ${day.account}`))].join(", ");
}

/** Whether something is being asked for: a slow service is not asked again meanwhile. */
function busy() {
  return document.querySelector("main [aria-busy=true]") !== null;
}

function jump(event) {
  event.preventDefault();
  document.getElementById("coverage-title").scrollIntoView();
}

addEventListener("hashchange", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
setInterval(() => document.hidden || busy() || show(), LOOK_AGAIN);
show();
