// The page: reads the view from its address, asks for what it shows, and shows each part as it comes.

import { get, today } from "./api.js";
import { showAlerts } from "./alerts.js";
import { showCaps } from "./caps.js";
import { showCoverage, showRestated } from "./coverage.js";
import { askDaily, showDaily } from "./daily.js";
import { h, instant, place } from "./dom.js";
import { showEvidence } from "./evidence.js";
import { showFilters } from "./filters.js";
import { askGroups, askMovers, showGroups, showMovers } from "./groups.js";
import { asked, readView } from "./view.js";

const LOOK_AGAIN = 30_000;
let shownAsOf = null;
let shownFor = null; // the view without what is opened on top of it

/** Show what the address says; parts that are there already stay until they are known anew. */
async function show() {
  const status = await part("state", () => get("/status"), showState);
  if (!status) return;
  const view = readView(location.hash, today());
  const looked = JSON.stringify({ ...view, opened: null, page: null });
  if (looked !== shownFor || status.as_of !== shownAsOf) {
    [shownFor, shownAsOf] = [looked, status.as_of];
    await showAll(view, status);
  }
  await showEvidence(view);
}

async function showAll(view, status) {
  showFilters(view);
  showCaps(status, view);
  const days = get("/spend", asked(view, { groupBy: "day" }));
  await Promise.all([
    part(
      "daily",
      () => askDaily(view, days),
      (found) => showDaily(view, found, status),
    ),
    part(
      "coverage",
      () => days,
      (spend) => {
        showNotice(spend, status);
        showCoverage(spend, status);
      },
    ),
    part(
      "restated",
      () => days,
      (spend) => showRestated(spend, view),
    ),
    part(
      "movers",
      () => askMovers(view),
      (found) => showMovers(view, found),
    ),
    part(
      "groups",
      () => askGroups(view),
      (found) => showGroups(view, found),
    ),
    part(
      "alerts",
      () => get("/alerts", new URLSearchParams({ limit: 20 })),
      (found) => showAlerts(found, status, again),
    ),
  ]);
}

/** One part of the page: a failure of it is shown in its place, and the others go on. */
async function part(id, ask, showIt) {
  document.getElementById(id).setAttribute("aria-busy", "true");
  try {
    const found = await ask();
    showIt(found);
    document.getElementById(id).setAttribute("aria-busy", "false");
    return found;
  } catch (error) {
    place(
      id,
      h(
        "p",
        { class: "wrong", role: "alert" },
        `Not shown: ${error.message} `,
        h("button", { type: "button", onclick: again }, "Try again"),
      ),
    );
    return null;
  }
}

function again() {
  shownFor = null;
  return show();
}

function showState(status) {
  const reasons = status.reasons.map((reason) => h("li", {}, reason));
  const word = h("span", { class: `word ${status.status}` }, status.status);
  const how = reasons.length
    ? h("details", {}, h("summary", {}, word, ` ${reasons.length} to look at`), h("ul", {}, reasons))
    : word;
  place("state", how, h("span", { class: "quiet" }, `figures of ${instant(status.as_of)}`));
}

/** What a reader must know before any figure: that there are none, or that they are too low. */
function showNotice(spend, status) {
  const notice = document.getElementById("notice");
  const late = spend.coverage.days.filter((day) => day.state === "failed" || day.state === "partial");
  const on = status.providers.filter((provider) => provider.state === "on");
  if (!spend.coverage.days.some((day) => day.last_read_at) && !spend.rows.length) {
    const next = on.length
      ? "Run: aispend ingest, or wait for the next hour of aispend up."
      : "No provider has credentials: run aispend doctor, which says what is needed.";
    notice.replaceChildren(h("p", { class: "empty" }, h("strong", {}, "Nothing was read yet. "), next));
  } else if (late.length) {
    const feeds = [...new Set(late.map((day) => `${day.source} ${day.account}`))].join(", ");
    const what = `Some of these days were not read whole (${feeds}): what is shown is too low, if anything. `;
    notice.replaceChildren(
      h("p", { class: "too-low" }, what, h("a", { href: "#coverage-title", onclick: jump }, "Which days")),
    );
  } else notice.replaceChildren();
}

function jump(event) {
  event.preventDefault();
  document.getElementById("coverage-title").scrollIntoView();
}

addEventListener("hashchange", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
setInterval(() => document.hidden || show(), LOOK_AGAIN);
show();
