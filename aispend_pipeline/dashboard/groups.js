// Where the money goes: groups with tokens and price, and those that moved most against the period before.

import { get, today } from "./api.js";
import { missingDays } from "./coverage.js";
import { h, place, table, usd } from "./dom.js";
import { change, compact, grouped, parse, perMillion, share, shown, sum, text } from "./money.js";
import { byPerson } from "./people.js";
import { asked, later, link, noneNamed, opening, PERSON, TABLES } from "./view.js";

const LISTED = 25;
const MOVERS = 5;
const ALLOCATED = " Allocated is the part of what is billed that the bill gives no key for: it is split by use.";
const TOKENS = ["input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens"];

/** The groups of the table, largest first. */
export async function askGroups(view) {
  if (view.by === PERSON) return byPerson(await get("/spend", asked(view, { groupBy: "api_key" })));
  return get("/spend", asked(view, { groupBy: view.by, sort: "-cost_usd", limit: LISTED }));
}

/** The groups that rose and fell most against the period before, up to yesterday: the running day is not whole. */
export async function askMovers(view) {
  const to = view.to < today() ? view.to : later(today(), -1);
  if (to < view.from) return null;
  const by = view.by === PERSON ? "api_key" : view.by;
  const ask = (sort) =>
    get("/spend", asked(view, { to, groupBy: by, compare: comparedWith(view, to), sort, limit: MOVERS }));
  const [up, down] = await Promise.all([ask("-change_usd"), ask("change_usd")]);
  return { ...up, rows: [...rising(up.rows, 1), ...rising(down.rows, -1).reverse()] };
}

/** Some days with those of the week before, which has the same weekdays; else the period before. */
function comparedWith(view, to) {
  return view.period === "own" && later(view.from, 6) > to ? "week" : "previous";
}

function rising(rows, sign) {
  return rows.filter((row) => row.change_usd !== null && Math.sign(Number(row.change_usd)) === sign);
}

/** Who moved the total most, and between which days. */
export function showMovers(view, found) {
  if (!found) {
    place("movers", empty("The period has no whole day yet."));
    return;
  }
  const by = found.groupBy[0];
  const { previous } = found;
  const between = `${found.from} to ${found.to}, against ${previous.from} to ${previous.to}`;
  const total = text(parse(found.total_usd) - parse(previous.total_usd));
  const columns = [
    { title: TABLES[by], cell: (row) => h("a", { href: only(view, row, by) }, named(by, row)), total: "everything" },
    number(
      "change",
      (row) => h("span", { class: direction(row) }, usd(row.change_usd, "", change)),
      usd(total, "", change),
    ),
    number("before", (row) => usd(row.previous_cost_usd), usd(previous.total_usd)),
    number("now", (row) => usd(row.cost_usd), usd(found.total_usd)),
  ];
  const listed = found.rows.length ? table(between, columns, found.rows) : empty(unmoved(previous));
  place("movers", doubts(found), listed);
}

/** A period of which days were not read looks like less than it was. */
function doubts({ coverage, previous }) {
  const unread = [
    [...missingDays(coverage.days).values()].some((day) => !day.waiting) && "of these days",
    !previous.complete && "of those before",
  ].filter(Boolean);
  if (!unread.length) return null;
  const said = `Not every bill ${unread.join(" and ")} was read: what looks like a change may be none.`;
  return h("p", { class: "doubt" }, said);
}

/** That nothing can be compared is not that nothing has changed. */
function unmoved({ from, to, complete }) {
  return complete ? "Nothing changed." : `Nothing to compare with: ${from} to ${to} was not read, or not whole.`;
}

function direction(row) {
  return row.change_usd.startsWith("-") ? "fell" : "rose";
}

/** The table of groups, each leading to its lines, and to a view of itself. */
export function showGroups(view, found) {
  if (!found.rows.length) {
    place("groups", empty("No spend is known of these days."));
    return;
  }
  const caption = `By ${TABLES[view.by]}, ${found.from} to ${found.to}`;
  const more = found.truncated ? `The ${LISTED} largest; all of them: ` : "";
  const allocated = view.by === "api_key" || view.by === PERSON ? ALLOCATED : "";
  place(
    "groups",
    table(caption, columns(view, found), found.truncated ? [...found.rows, others(found)] : found.rows),
    h("p", { class: "quiet" }, more, csv(view), allocated),
  );
}

/** What the listed groups leave of the total, so that rows add up to it; it is no group, and leads nowhere. */
function others({ rows, total_usd: billed, total_estimated_usd: estimated }) {
  const rest = (total, name) => text(parse(total) - (sum(rows.map((row) => parse(row[name]))) ?? 0n));
  const untold = Object.fromEntries([...TOKENS, "allocated_usd"].map((name) => [name, null]));
  return {
    ...untold,
    others: true,
    cost_usd: rest(billed, "cost_usd"),
    estimated_usd: rest(estimated, "estimated_usd"),
  };
}

function columns(view, found) {
  const total = parse(found.total_usd);
  const ofKeys = view.by === "api_key" || view.by === PERSON;
  return [
    { title: TABLES[view.by], cell: (row) => leading(view, row), total: "total" },
    view.by === "api_key" && { title: "person", cell: (row) => row.api_key_owner_name ?? row.api_key_owner ?? "" },
    number("billed", (row) => usd(row.cost_usd, "not billed"), usd(found.total_usd)),
    number("share", (row) => share(parse(row.cost_usd), total)),
    number("estimated", (row) => usd(row.estimated_usd, ""), usd(found.total_estimated_usd, "")),
    ofKeys && number("allocated", (row) => usd(row.allocated_usd, "")),
    number("input", (row) => count(row.input_tokens)),
    number("cached", (row) => count(row.cached_input_tokens)),
    number("output", (row) => count(row.output_tokens)),
    // A bill's token types and lines are not counted in tokens everywhere.
    !["token_type", "line_item"].includes(view.by) && number("$ per million tokens", price),
    { title: "only this", cell: (row) => filter(view, row) },
  ].filter(Boolean);
}

function number(title, cell, total) {
  return { title, cell, total, number: true };
}

function empty(text) {
  return h("p", { class: "empty" }, text);
}

/** To the lines of a group; those of a person are of several keys, and are behind the filter. */
function leading(view, row) {
  if (row.others) return "all others";
  if (view.by === PERSON) return named(view.by, row);
  return h("a", { href: opening(view, { [view.by]: row[view.by] }), title: "its lines" }, named(view.by, row));
}

function filter(view, row) {
  if (row.others) return "";
  return h("a", { href: only(view, row, view.by), "aria-label": `Only ${name(view.by, row)}` }, "filter");
}

function name(by, row) {
  return row[by + "_name"] ?? row[by] ?? noneNamed(by);
}

/** A name with its id, since names need not be unique. */
function named(by, row) {
  return row[by + "_name"] && row[by]
    ? [row[by + "_name"], h("span", { class: "quiet" }, ` ${row[by]}`)]
    : name(by, row);
}

/** The view of this group alone. */
function only(view, row, by) {
  const filter = by === PERSON ? { api_key: row.keys } : { [by]: [row[by] ?? ""] };
  return link(view, { filters: { ...view.filters, ...filter } });
}

function count(tokens) {
  return h("span", { title: tokens === null ? null : grouped(tokens) }, compact(tokens));
}

/** Of what is billed and estimated: the tokens are of both. */
function price(row) {
  if (row.others) return "–";
  const known = TOKENS.map((kind) => row[kind]).filter((tokens) => tokens !== null);
  const per = perMillion(
    sum([parse(row.cost_usd), parse(row.estimated_usd)]),
    known.reduce((total, tokens) => total + tokens, 0),
  );
  return per === null ? "–" : shown(per);
}

function csv(view) {
  return h(
    "a",
    {
      href: `/spend?${asked(view, { groupBy: view.by === PERSON ? "api_key" : view.by, format: "csv" })}`,
      download: "",
    },
    "as CSV",
  );
}
