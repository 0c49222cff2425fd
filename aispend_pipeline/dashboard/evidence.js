// From a sum to its lines, and from a line to the page that the provider sent.

import { get, getText } from "./api.js";
import { h, instant, table } from "./dom.js";
import { grouped, parse, shown } from "./money.js";
import { link } from "./view.js";

const LINES = 200;
const MOST = 500; // that one answer has
const SHOWN_CHARACTERS = 20_000;
let shownFor = "";

/** Open what the view says is opened, in a dialog that Escape closes; close it when nothing is. */
export async function showEvidence(view) {
  const dialog = document.getElementById("evidence");
  const opened = JSON.stringify([view.opened, view.page]);
  if (opened === shownFor && dialog.open) return;
  shownFor = opened;
  if (!view.page && !Object.keys(view.opened).length) {
    dialog.close();
    return;
  }
  dialog.oncancel = dialog.onclose = () => closed(view);
  fill(dialog, view, "Reading …", h("p", { class: "quiet", "aria-busy": "true" }, "…"));
  if (!dialog.open) dialog.showModal();
  try {
    await (view.page ? showPage(dialog, view) : showLines(dialog, view));
  } catch (error) {
    fill(dialog, view, "Not shown", h("p", { class: "wrong", role: "alert" }, error.message));
  }
}

function closed(view) {
  if (location.hash.includes("line.") || location.hash.includes("page="))
    location.hash = link(view, { opened: {}, page: null });
}

function fill(dialog, view, title, ...children) {
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(
    h("div", { class: "bar-of-dialog" }, h("h2", { id: "evidence-title" }, title), close),
    ...children.filter(Boolean),
  );
}

async function showLines(dialog, view) {
  const found = await get("/spend/rows", linesOf(view, { limit: LINES }));
  const rows = [...found.rows];
  const render = (cursor) => {
    const more = async () => {
      const next = await get("/spend/rows", linesOf(view, { limit: LINES, cursor }));
      rows.push(...next.rows);
      render(next.cursor);
    };
    const lines = rows.length
      ? table(`Lines, ${rows.length} of ${found.count}`, columns(view, rows), rows)
      : none(view);
    const button = cursor && h("button", { type: "button", onclick: more }, "More lines");
    fill(dialog, view, about(view), summary(view, found), lines, button);
  };
  render(found.cursor);
}

/** The parameters of what is opened. */
function linesOf(view, more) {
  const params = new URLSearchParams(more);
  for (const [name, values] of Object.entries(view.opened)) for (const value of values) params.append(name, value);
  return params;
}

function about(view) {
  const { from, to, ...filters } = view.opened;
  const said = Object.entries(filters).map(([name, values]) => `${name} ${few(values)}`);
  const days = String(from) === String(to) ? from : `${from} to ${to}`;
  return [days, said.join(", ")].filter(Boolean).join(": ");
}

function few(values) {
  return values.length > 3 ? `${values.length} of them` : values.map((value) => value || "unknown").join(" or ");
}

function summary(view, found) {
  const which = found.count > MOST ? `The first ${MOST}` : "All of them";
  const csv = `/spend/rows?${linesOf(view, { format: "csv", limit: MOST })}`;
  return h(
    "p",
    {},
    h("strong", { title: found.total_usd }, shown(parse(found.total_usd))),
    ` is the sum of ${found.count} billed lines, exactly ${found.total_usd} USD. `,
    h("a", { href: csv, download: "" }, `${which} as CSV`),
  );
}

function none(view) {
  const estimates = h("a", { href: `/spend/estimates?${linesOf(view, {})}` }, "/spend/estimates");
  return h("p", { class: "empty" }, "No line was billed; what is only estimated is at ", estimates, ".");
}

function columns(view, rows) {
  return [
    { title: "day", cell: (row) => row.day },
    { title: "what", cell: (row) => row.line_item ?? row.sku ?? row.model ?? row.charge_category },
    { title: "USD", number: true, cell: (row) => row.cost_usd ?? "not in USD" },
    {
      title: "for",
      cell: (row) => [row.provider, row.account, row.project, row.api_key].filter(Boolean).join(" · "),
    },
    {
      title: "quantity",
      number: true,
      cell: (row) => (row.quantity ? `${grouped(row.quantity)} ${row.unit ?? ""}` : ""),
    },
    ...(rows.some((row) => row.currency !== "USD")
      ? [{ title: "as billed", number: true, cell: (row) => `${row.amount} ${row.currency}` }]
      : []),
    { title: "from", cell: (row) => page(view, row) },
  ];
}

function page(view, row) {
  if (!row.page_available) return "page expired";
  return h("a", { href: link(view, { page: `${row.provider}/${row.page_id}` }) }, `the page, line ${row.row_no}`);
}

/** JSON on lines of its own, character by character as it came: parsed, an amount would become a float. */
function laidOut(text) {
  let [depth, made] = [0, ""];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]|:\s*|[^\s{}[\],:"]+|"/g)) {
    if ("}]".includes(token)) {
      depth = Math.max(depth - 1, 0);
      made += "\n" + "  ".repeat(depth);
    }
    made += token.startsWith(":") ? ": " : token;
    if ("{[".includes(token)) depth += 1;
    if ("{[,".includes(token)) made += "\n" + "  ".repeat(depth);
  }
  return made;
}

async function showPage(dialog, view) {
  const [provider, ...rest] = view.page.split("/");
  const place = `/providers/${encodeURIComponent(provider)}/raw/${encodeURIComponent(rest.join("/"))}`;
  const [found, bytes] = await Promise.all([get(place), getText(`${place}/body`)]);
  const whole = laidOut(bytes);
  const facts = {
    source: found.source,
    account: found.account,
    fetched: instant(found.fetched_at),
    days: `${found.window.from} to ${found.window.to}`,
    asked: JSON.stringify(found.request),
    "SHA-256": found.sha256 ?? found.body_sha256,
  };
  const listed = Object.entries(facts)
    .filter(([, value]) => value)
    .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  const cut =
    whole.length > SHOWN_CHARACTERS
      ? `\n… ${whole.length - SHOWN_CHARACTERS} more characters; the bytes as received have them all`
      : "";
  fill(
    dialog,
    view,
    "What the provider sent",
    h("dl", {}, listed),
    h(
      "p",
      {},
      h("a", { href: `${place}/body`, download: "" }, "The bytes as received"),
      " · ",
      h("a", { href: link(view, { page: null }) }, "Back to the lines"),
    ),
    h("pre", { tabindex: "0" }, whole.slice(0, SHOWN_CHARACTERS) + cut),
  );
}
