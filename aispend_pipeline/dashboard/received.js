// A page as the provider sent it, and in it the record that a line was made of.

import { get, getText } from "./api.js";
import { h, instant } from "./dom.js";
import { link } from "./view.js";

const AROUND = 10_000; // characters that are shown before the record and after it
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],]|:\s*|[^\s{}[\],:"]+|"/g;
const STARTS = ['"start_time"', '"starting_at"']; // of a record's bucket
const NOTATION = {
  anthropic_costs: "Anthropic writes amounts in cents: 3043.9 is 30.439 USD.",
  openai_costs: "OpenAI writes times as seconds since 1970, UTC.",
  openai_usage: "OpenAI writes times as seconds since 1970, UTC.",
  vertex_billing: "BigQuery gives each row's values in the order of the columns that were asked for.",
};
const RECORDS = ['"results"', '"rows"']; // whose objects are a page's records: OpenAI's and Anthropic's, and BigQuery's

/** What there is to show of the page that is opened: a title, where it is from, and its text. */
export async function pageOf(view) {
  const [provider, ...rest] = view.page.split("/");
  const place = `/providers/${encodeURIComponent(provider)}/raw/${encodeURIComponent(rest.join("/"))}`;
  const [found, bytes] = await Promise.all([get(place), getText(`${place}/body`)]);
  const { text, record, starts } = laidOut(bytes, Number(view.row));
  return [
    "What the provider sent",
    facts(found),
    h(
      "p",
      {},
      h("a", { href: `${place}/body`, download: "" }, "The bytes as received"),
      " · ",
      h("a", { href: link(view, { page: null, row: null }) }, "Back to the lines"),
    ),
    h("p", {}, record ? `Record ${view.row} is marked${bucket(starts)}. ` : "", NOTATION[found.source] ?? ""),
    h("pre", { tabindex: "0" }, around(text, record ?? [0, 0])),
  ];
}

/** When the record's bucket starts, as it is written and as a day. */
function bucket(starts) {
  if (!starts) return "";
  const seconds = /^\d+$/.test(starts);
  return `; its bucket starts at ${seconds ? `${starts}, which is ${new Date(starts * 1000).toISOString()}` : starts}`;
}

function facts(found) {
  const listed = {
    source: found.source,
    account: found.account,
    fetched: instant(found.fetched_at),
    days: `${found.window.from} to ${found.window.to}`,
    asked: JSON.stringify(found.request),
    "SHA-256": found.sha256 ?? found.body_sha256,
  };
  return h(
    "dl",
    {},
    Object.entries(listed)
      .filter(([, value]) => value)
      .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}

/** The text from well before the record to well after it; of what is left out, how much it is. */
function around(text, [from, to]) {
  const [first, end] = [Math.max(from - AROUND, 0), Math.min(to + AROUND, text.length)];
  const more = (count) => `… ${count} more characters; the bytes as received have them all`;
  return [
    first ? `${more(first)}\n` : null,
    text.slice(first, from),
    to ? h("mark", {}, text.slice(from, to)) : null,
    text.slice(to, end),
    end < text.length ? `\n${more(text.length - end)}` : null,
  ];
}

/**
 * JSON on lines of its own, character by character as it came: parsed, an amount would become a float. `record` is
 * where the record of that number, from 1, begins and ends in it, null where there is none; `starts` is when its bucket
 * does, as it is written.
 */
export function laidOut(received, number) {
  const open = []; // the brackets that are not closed yet: the key of a list, and where the record begins
  let [text, key, records, record, bucket, starts] = ["", null, 0, null, null, null];
  const newLine = () => "\n" + "  ".repeat(open.length);
  for (const [token] of received.matchAll(TOKENS)) {
    if ("}]".includes(token)) {
      const closed = open.pop();
      text += newLine() + token;
      if (closed?.begins !== undefined) record = [closed.begins, text.length];
    } else if ("{[".includes(token)) {
      const isRecord = token === "{" && RECORDS.includes(open.at(-1)?.key) && ++records === number;
      if (isRecord) starts = bucket;
      open.push({ key: token === "[" ? key : null, begins: isRecord ? text.length : undefined });
      text += token + newLine();
    } else if (token === ",") text += token + newLine();
    else if (token.startsWith(":")) text += ": ";
    else {
      if (STARTS.includes(key)) bucket = token;
      text += key = token;
    }
  }
  return { text, record, starts };
}
