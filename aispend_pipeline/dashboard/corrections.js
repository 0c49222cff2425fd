// What a provider has changed later, and what it gave back.

import { get } from "./api.js";
import { h, instant, place, table, usd } from "./dom.js";
import { change, parse, sum, text } from "./money.js";
import { FILTERS, noneNamed, opening } from "./view.js";

const SHOWN = 20;
const OF_LINES = ["provider", "account", "model", "project", "api_key", "service_tier", "token_type", "line_item"];

/** The days as a `whole` have what was restated; credits are lines of the bill. */
export async function askCorrections(view, whole) {
  const params = new URLSearchParams({ from: view.from, to: view.to, charge_category: "Credit", limit: SHOWN });
  for (const name of OF_LINES) for (const value of view.filters[name] ?? []) params.append(name, value);
  const [spend, credits] = await Promise.all([whole, get("/spend/rows", params)]);
  return { restated: spend.restatements, credits };
}

/** Both, or that there are none; of what was restated no more is known than its provider, account and model. */
export function showCorrections(view, { restated, credits }) {
  const finer = Object.keys(view.filters).filter((name) => !["provider", "account", "model"].includes(name));
  if (finer.length) restated = [];
  const left = finer.map((name) => FILTERS[name]).join(" or ");
  const untold =
    left && h("p", { class: "quiet" }, `What was restated is not known by ${left}: without that filter it is here.`);
  const nothing = left ? "Nothing was credited." : "No day that was over has changed, and nothing was credited.";
  const none = h("p", { class: "empty" }, nothing);
  const found = [restated.length && showRestated(view, restated), credits.count && showCredits(view, credits)];
  place("restated", found.some(Boolean) ? found : none, untold);
}

function showRestated(view, restated) {
  const of = ({ day, provider, account, model }) => opening(view, { from: day, to: day, provider, account, model });
  const difference = (one) => parse(one.is_usd) - parse(one.was_usd);
  const columns = [
    { title: "day", cell: (one) => h("a", { href: of(one) }, one.day) },
    { title: "what", cell: (one) => `${one.provider} ${one.account} ${one.model ?? noneNamed("model")}` },
    { title: "change", number: true, cell: (one) => usd(text(difference(one)), "", change) },
    { title: "was", number: true, cell: (one) => usd(one.was_usd) },
    { title: "is", number: true, cell: (one) => usd(one.is_usd) },
    { title: "since", cell: (one) => instant(one.at) },
  ];
  const total = change(sum(restated.map(difference)));
  const caption = `Restated after the day was over: ${total} in all${cut(restated.length)}`;
  return table(caption, columns, restated.slice(0, SHOWN));
}

function showCredits(view, credits) {
  const of = ({ day, provider, account }) =>
    opening(view, { from: day, to: day, provider, account, charge_category: "Credit" });
  const columns = [
    { title: "day", cell: (one) => h("a", { href: of(one) }, one.day) },
    { title: "what", cell: (one) => `${one.provider} ${one.account} ${one.line_item ?? one.sku ?? "credit"}` },
    {
      title: "USD",
      number: true,
      cell: (one) => usd(one.cost_usd, "not in USD", change),
    },
  ];
  const caption = `Credits: ${change(parse(credits.total_usd))} in all, in what is billed${cut(credits.count)}`;
  return table(caption, columns, credits.rows);
}

function cut(count) {
  return count > SHOWN ? `; the first ${SHOWN} of ${count}` : "";
}
