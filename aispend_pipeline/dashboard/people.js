// What each person has spent: the sums of the keys that the provider says are theirs.

import { parse, sum, text } from "./money.js";

const AMOUNTS = ["cost_usd", "estimated_usd", "allocated_usd"];
const COUNTS = ["input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "requests"];

/** An answer of `/spend` by key, as one by person: largest first, and `keys` are each one's. */
export function byPerson(found) {
  const people = Map.groupBy(found.rows, (row) => row.api_key_owner);
  const rows = [...people].map(([person, of]) => ({
    person,
    person_name: of[0].api_key_owner_name,
    keys: of.map((row) => row.api_key ?? ""),
    ...Object.fromEntries(AMOUNTS.map((name) => [name, text(sum(of.map((row) => parse(row[name]))))])),
    ...Object.fromEntries(COUNTS.map((name) => [name, count(of.map((row) => row[name]))])),
  }));
  const size = (row) => parse(row.cost_usd) ?? 0n;
  return { ...found, rows: rows.sort((one, other) => (size(one) < size(other) ? 1 : -1)) };
}

function count(of) {
  const known = of.filter((one) => one !== null);
  return known.length ? known.reduce((total, one) => total + one, 0) : null;
}
