// What the figures rest on: day by day for each feed, how fresh they are, and what was corrected later.

import { h, instant, place, table } from "./dom.js";

const MARKS = { complete: "■", partial: "◧", failed: "✕", not_due: "·", half: "◔", absent: "✕" };
const WORDS = {
  complete: "complete",
  partial: "partial: some of its money is not understood",
  failed: "not read",
  not_due: "not known yet",
  half: "read before it was over",
  absent: "never asked for",
};

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
  const legend = Object.entries(MARKS)
    .filter(([state]) => state !== "absent")
    .map(([state, mark]) => h("span", { class: `day ${state}` }, mark, ` ${WORDS[state]} `));
  place(
    "coverage",
    table("What was read of each day", columns, [...feeds]),
    h("p", { class: "quiet legend" }, legend, h("span", { class: "day young" }, "underlined: may still change")),
  );
}

function fresh(source) {
  if (!source) return "not read any more";
  const said = source.last_complete_at ? instant(source.last_complete_at) : "never read";
  const trouble = [
    source.stale && source.last_complete_at ? "stale" : null,
    source.consecutive_failures ? `${source.consecutive_failures} failures since` : null,
    source.quarantined ? `${source.quarantined} records not understood` : null,
  ].filter(Boolean);
  const at = h("span", { class: "instant" }, said);
  return trouble.length ? h("span", { class: "wrong" }, at, `, ${trouble.join(", ")}`) : at;
}

/** The marks of a feed; to a screen reader it is one sentence. */
function strip(days) {
  const states = days.map((day) => (day.detail?.half_read ? "half" : day.state));
  const counted = Object.entries(WORDS).map(([state, word]) => [states.filter((one) => one === state).length, word]);
  const said = counted
    .filter(([count]) => count)
    .map(([count, word]) => `${count} days ${word}`)
    .join(", ");
  const marks = days.map((day, at) => {
    const young = day.state === "complete" && day.finality !== "settled";
    const about = [day.day, WORDS[states[at]], young ? day.finality : null, day.detail?.reason]
      .filter(Boolean)
      .join(": ");
    return h(
      "span",
      { class: `day ${states[at]}${young ? " young" : ""}`, title: about, "aria-hidden": "true" },
      MARKS[states[at]] ?? "?",
    );
  });
  return h("span", { class: "strip", role: "img", "aria-label": said }, marks);
}
