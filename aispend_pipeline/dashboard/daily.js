// Spend by day as stacked bars: the largest groups, and all others together, billed and estimated apart.

import { get } from "./api.js";
import { draw, paintOf } from "./chart.js";
import { missingDays } from "./coverage.js";
import { h, place, table, usd } from "./dom.js";
import { parse, sum, text } from "./money.js";
import { asked, CUTS, link, noneNamed, opening, range } from "./view.js";

const LARGEST = 8;
const OTHERS = "all others";

/** What the bars need: the days as a `whole`, and the days of the largest groups. */
export async function askDaily(view, whole) {
  const [spend, largest] = await Promise.all([
    whole,
    get("/spend", asked(view, { groupBy: view.cut, sort: "-cost_usd", limit: LARGEST })),
  ]);
  const keys = largest.rows.map((row) => row[view.cut] ?? "");
  if (!keys.length) return { spend, groups: [] };
  const parts = await get("/spend", asked(view, { groupBy: ["day", view.cut], [view.cut]: keys }));
  const groups = largest.rows.map((row) => group(row[view.cut + "_name"], row[view.cut], parts.rows, view.cut));
  return { spend, groups: largest.truncated ? [...groups, others(spend.rows, groups)] : groups };
}

function group(name, key, rows, cut) {
  const days = new Map(rows.filter((row) => row[cut] === key).map((row) => [row.day, amounts(row)]));
  return { name: name ?? key ?? noneNamed(cut), keys: { [cut]: key }, days };
}

function amounts(row) {
  return { billed: parse(row.cost_usd), estimated: parse(row.estimated_usd) };
}

/** What is left of each day; its lines cannot be opened, since it is no group. */
function others(rows, groups) {
  const rest = (day, kind, whole) =>
    whole === null ? null : whole - (sum(groups.map((one) => one.days.get(day)?.[kind] ?? null)) ?? 0n);
  const days = rows.map((row) => {
    const { billed, estimated } = amounts(row);
    return [row.day, { billed: rest(row.day, "billed", billed), estimated: rest(row.day, "estimated", estimated) }];
  });
  return { name: OTHERS, keys: null, days: new Map(days) };
}

/** The chart, its words, and the same as a table, whose cells lead to the lines. */
export function showDaily(view, { spend, groups }, status) {
  const days = range(spend.from, spend.to);
  const missing = missingDays(spend.coverage.days);
  const beside = spend.unconverted.map((one) => ` · not converted: ${one.amount} ${one.currency}`);
  place(
    "daily",
    h(
      "p",
      {},
      spend.rows.length ? h("strong", {}, usd(spend.total_usd)) : "Nothing is known to be",
      ` billed from ${spend.from} to ${spend.to}`,
      ...estimates(spend),
      beside,
    ),
  );
  const where = document.getElementById("chart");
  const target = document.getElementById("daily-table");
  if (!groups.length) {
    where.replaceChildren();
    target.replaceChildren(h("p", { class: "empty" }, "No spend is known of these days."));
    return;
  }
  draw(
    where,
    { view, days, groups, missing, caps: capsOf(view, status) },
    (keys) => (location.hash = opening(view, keys)),
  );
  const open = target.querySelector("details")?.open ?? false;
  const states = [...missing.values()];
  const legend = [
    states.some((one) => !one.waiting) && h("span", { class: "shade missing" }, "a bill was not read: too low"),
    states.some((one) => one.waiting) && h("span", { class: "shade waiting" }, "not every bill is known yet"),
    h("span", { class: "shade hatched" }, "estimated"),
    view.chart === "day" && capsOf(view, status).length && "A cap's line is its even share of a day.",
  ];
  target.replaceChildren(
    h(
      "p",
      {},
      groups.map((one, at) => chip(view, one, at)),
      legend.filter(Boolean),
    ),
    h("details", { open }, h("summary", {}, "The same as a table"), asTable(view, days, groups, missing)),
  );
}

/** What a colour stands for, as a link to a view of that alone. */
function chip(view, group, at) {
  const alone = group.keys && link(view, { filters: { ...view.filters, [view.cut]: [group.keys[view.cut] ?? ""] } });
  const made = h("span", { class: "shade" }, group.keys ? h("a", { href: alone }, group.name) : group.name);
  made.style.setProperty("--paint", `var(--${paintOf(group, at)})`);
  return made;
}

function estimates(spend) {
  const estimated = parse(spend.total_estimated_usd);
  if (!estimated) return [];
  const together = usd(text(sum([parse(spend.total_usd), estimated])));
  return [", and ", usd(spend.total_estimated_usd), " estimated where no bill is yet: ", together, " together"];
}

/** The caps that what is shown counts towards, USD a month; none when it is only a part of a scope. */
function capsOf(view, status) {
  const { provider, ...others } = view.filters;
  if (Object.keys(others).length || (provider ?? []).length > 1) return [];
  const scope = provider ? provider[0] : "global";
  const cap = status.caps.find((one) => one.scope === scope && view.to.startsWith(one.period));
  return cap
    ? [
        ["soft", parse(cap.soft_usd)],
        ["hard", parse(cap.hard_usd)],
      ].filter(([, usd]) => usd)
    : [];
}

/** What is billed for a group in all, and beside it what is estimated. */
function total(group) {
  const of = (kind) => text(sum([...group.days.values()].map((day) => day[kind])));
  const estimated = of("estimated");
  return estimated === null ? usd(of("billed")) : h("span", {}, usd(of("billed")), " ≈ ", usd(estimated));
}

function asTable(view, days, groups, missing) {
  const cell = (group) => (day) => {
    const found = group.days.get(day);
    if (!found) return missing.has(day) ? "not read" : "–";
    const estimated = found.estimated ? ["≈ ", usd(text(found.estimated))] : [];
    const amounts =
      found.billed === null && estimated.length ? estimated : [usd(text(found.billed)), " ", ...estimated];
    return group.keys ? h("a", { href: opening(view, { from: day, to: day, ...group.keys }) }, amounts) : amounts;
  };
  const columns = [
    {
      title: "day",
      total: "total",
      cell: (day) =>
        missing.has(day)
          ? h(
              "span",
              { title: missing.get(day).why.join("; ") },
              `${day} (${missing.get(day).waiting ? "not all known yet" : "not whole"})`,
            )
          : day,
    },
    ...groups.map((group) => ({ title: group.name, number: true, cell: cell(group), total: total(group) })),
  ];
  return table(`Spend by day and ${CUTS[view.cut]}, USD; ≈ is estimated`, columns, days);
}
