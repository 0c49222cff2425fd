// What the figures rest on: day by day for each feed, how fresh they are, and what was corrected later.

import { h, instant, place, table } from "./dom.js";

const MARKS = {
  complete: "■",
  young: "▣",
  running: "◔",
  half: "◑",
  partial: "◧",
  failed: "✕",
  absent: "○",
  not_due: "·",
};
const WORDS = {
  complete: "complete",
  young: "complete, may still be corrected",
  running: "read so far, still running",
  half: "read before it was over, and not since",
  partial: "some of its money is not understood",
  failed: "not read",
  absent: "never asked for",
  not_due: "not known yet",
};

/** What is known of a feed's day, one of `MARKS`. */
function stateOf(day) {
  if (day.detail?.half_read) return "half";
  if (day.detail?.reason === WORDS.absent) return "absent";
  if (day.state !== "complete" || day.finality === "settled") return day.state;
  return day.finality === "open" ? "running" : "young";
}

/** By day, why its bill is not whole; `waiting` where that is only not known yet. */
export function missingDays(coverage) {
  const found = new Map();
  for (const day of coverage) {
    const bills = day.source.endsWith("_costs") || day.source.endsWith("_billing");
    if (!bills || (day.state === "complete" && !day.detail?.half_read)) continue;
    const why = `${day.source} ${day.account}: ${WORDS[stateOf(day)]}`;
    const before = found.get(day.day) ?? { why: [], waiting: true };
    found.set(day.day, { why: [...before.why, why], waiting: before.waiting && day.state === "not_due" });
  }
  return found;
}

/** A row for each feed: its newest figures, and a mark for each day. */
export function showCoverage(spend, status) {
  const feeds = new Map();
  for (const day of spend.coverage.days) {
    const key = `${day.source} ${day.account}`;
    feeds.set(key, [...(feeds.get(key) ?? []), day]);
  }
  if (!feeds.size) {
    place("coverage", h("p", { class: "empty" }, "Nothing was read of these days."));
    return;
  }
  const known = new Map(status.sources.map((source) => [`${source.source} ${source.account}`, source]));
  const errors = status.sources.some((source) => source.last_ingest?.error);
  const columns = [
    { title: "source", cell: ([feed]) => feed },
    { title: "newest", cell: ([feed]) => fresh(known.get(feed)) },
    { title: `${spend.from} … ${spend.to}`, cell: ([, days]) => strip(days) },
    ...(errors ? [{ title: "last error", cell: ([feed]) => known.get(feed)?.last_ingest?.error ?? "" }] : []),
  ];
  const legend = Object.entries(MARKS).map(([state, mark]) =>
    h("span", { class: `day ${state}` }, mark, ` ${WORDS[state]} `),
  );
  place(
    "coverage",
    table("What was read of each day", columns, [...feeds]),
    h("p", { class: "quiet legend" }, legend),
  );
}

function fresh(source) {
  if (!source) return "not read any more";
  const said = source.last_complete_at ? instant(source.last_complete_at) : "never read";
  const trouble = [
    source.stale && source.last_complete_at ? "stale" : null,
    source.consecutive_failures ? `failed ${source.consecutive_failures} times since` : null,
    source.quarantined ? `${source.quarantined} records not understood` : null,
  ].filter(Boolean);
  const at = h("span", { class: "instant" }, said);
  return trouble.length ? h("span", { class: "wrong" }, at, `, ${trouble.join(", ")}`) : at;
}

/** The marks of a feed; to a screen reader it is one sentence. */
function strip(days) {
  const states = days.map(stateOf);
  const counted = Object.entries(WORDS).map(([state, word]) => [states.filter((one) => one === state).length, word]);
  const said = counted
    .filter(([count]) => count)
    .map(([count, word]) => `${count} days ${word}`)
    .join(", ");
  const marks = days.map((day, at) => {
    const about = [day.day, ...new Set([WORDS[states[at]], day.detail?.reason])].filter(Boolean).join(": ");
    return h("span", { class: `day ${states[at]}`, title: about, "aria-hidden": "true" }, MARKS[states[at]] ?? "?");
  });
  return h("span", { class: "strip", role: "img", "aria-label": said }, marks);
}
