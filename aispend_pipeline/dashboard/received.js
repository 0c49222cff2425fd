// A page as the provider sent it, and in it the record that a line was made of.

import { get, getText } from "./api.js";
import { h, instant } from "./dom.js";
import { link } from "./view.js";

const AROUND = 10_000; // characters that are shown before the record and after it
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],]|:\s*|[^\s{}[\],:"]+|"/g;
const RECORDS = ['"results"', '"rows"']; // whose objects are a page's records: OpenAI's and Anthropic's, and BigQuery's

/** What there is to show of the page that is opened: a title, where it is from, and its text. */
export async function pageOf(view) {
  const [provider, ...rest] = view.page.split("/");
  const place = `/providers/${encodeURIComponent(provider)}/raw/${encodeURIComponent(rest.join("/"))}`;
  const [found, bytes] = await Promise.all([get(place), getText(`${place}/body`)]);
  const { text, record } = laidOut(bytes, Number(view.row));
  return [
    "What the provider sent",
    facts(found),
    h(
      "p",
      {},
      h("a", { href: `${place}/body`, download: "" }, "The bytes as received"),
      " · ",
      h("a", { href: link(view, { page: null, row: null }) }, "Back to the lines"),
      record ? ` · Record ${view.row} is marked.` : "",
    ),
    h("pre", { tabindex: "0" }, around(text, record ?? [0, 0])),
  ];
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
 * where the record of that number, from 1, begins and ends in it; null where there is none.
 */
export function laidOut(received, number) {
  const open = []; // the brackets that are not closed yet: the key of a list, and where the record begins
  let [text, key, records, record] = ["", null, 0, null];
  const newLine = () => "\n" + "  ".repeat(open.length);
  for (const [token] of received.matchAll(TOKENS)) {
    if ("}]".includes(token)) {
      const closed = open.pop();
      text += newLine() + token;
      if (closed?.begins !== undefined) record = [closed.begins, text.length];
    } else if ("{[".includes(token)) {
      const isRecord = token === "{" && RECORDS.includes(open.at(-1)?.key) && ++records === number;
      open.push({ key: token === "[" ? key : null, begins: isRecord ? text.length : undefined });
      text += token + newLine();
    } else if (token === ",") text += token + newLine();
    else if (token.startsWith(":")) text += ": ";
    else text += key = token;
  }
  return { text, record };
}
