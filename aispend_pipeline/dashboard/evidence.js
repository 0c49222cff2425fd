// From a sum to its lines, and from a line to the page that the provider sent.

import { get } from "./api.js";
import { h, table, usd } from "./dom.js";
import { grouped } from "./money.js";
import { pageOf } from "./received.js";
import { link } from "./view.js";

const LINES = 200;
const MOST = 500; // that one answer has
let shownFor = "";

/** Open what the view says is opened, in a dialog that Escape closes; close it when nothing is. */
export async function showEvidence(view) {
  const dialog = document.getElementById("evidence");
  const opened = JSON.stringify([view.opened, view.page, view.row]);
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
    if (!view.page) return await showLines(dialog, view);
    fill(dialog, view, "What the provider sent", ...(await pageOf(view)));
    dialog.querySelector("mark")?.scrollIntoView({ block: "center" });
  } catch (error) {
    fill(dialog, view, "Not shown", h("p", { class: "wrong", role: "alert" }, error.message));
  }
}

function closed(view) {
  if (location.hash.includes("line.") || location.hash.includes("page="))
    location.hash = link(view, { opened: {}, page: null, row: null });
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
    h("strong", {}, usd(found.total_usd)),
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
  const there = link(view, { page: `${row.provider}/${row.page_id}`, row: row.row_no });
  return h("a", { href: there }, `the page, record ${row.row_no}`);
}
