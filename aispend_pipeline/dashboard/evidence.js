// From a sum to its lines, billed and estimated, and from a line to the page that the provider sent.

import { get } from "./api.js";
import { h, table, usd } from "./dom.js";
import { saveLines } from "./lines_file.js";
import { grouped } from "./money.js";
import { pageOf } from "./received.js";
import { link } from "./view.js";

const LINES = 200;
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
  fill(dialog, "Reading …", h("p", { class: "quiet", "aria-busy": "true" }, "…"));
  if (!dialog.open) dialog.showModal();
  const made = await (view.page ? pageOf(view) : linesOfBoth(view)).catch((error) => ["Not shown", wrong(error)]);
  if (shownFor !== opened) return; // another one was asked for meanwhile
  fill(dialog, ...made);
  dialog.querySelector("mark")?.scrollIntoView({ block: "center" });
}

function wrong(error) {
  return h("p", { class: "wrong", role: "alert" }, error.message);
}

function closed(view) {
  if (location.hash.includes("line.") || location.hash.includes("page="))
    location.hash = link(view, { opened: {}, page: null, row: null });
}

function fill(dialog, title, ...children) {
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(
    h("div", { class: "bar-of-dialog" }, h("h2", { id: "evidence-title" }, title), close),
    ...children.filter(Boolean),
  );
}

async function linesOfBoth(view) {
  const kinds = [BILLED, ESTIMATED].filter((kind) => !kind.lacks.some((name) => name in view.opened));
  const sections = (await Promise.all(kinds.map((kind) => section(view, kind)))).filter(Boolean);
  return [about(view), ...(sections.length ? sections : [h("p", { class: "empty" }, "There is no line of it.")])];
}

/** The lines of one kind and what they come to; null if there are none. */
async function section(view, kind) {
  const made = h("section", {});
  return (await begin(view, kind, made)) ? made : null;
}

/** Fill `made` with so many parts of the lines, from the first on; whether there is any line. */
async function begin(view, kind, made, parts = 1) {
  const found = await get(kind.route, linesOf(view, { limit: LINES }));
  const rows = [...found.rows];
  let [cursor, shown] = [found.cursor, 1];
  const more = async () => {
    const next = await get(kind.route, linesOf(view, { limit: LINES, cursor }));
    rows.push(...next.rows);
    [cursor, shown] = [next.cursor, shown + 1];
  };
  while (cursor && shown < parts) await more();
  const render = () => {
    const again = () => begin(view, kind, made, shown + 1); // a cursor is of figures that may have changed since
    const failed = (error) => (error.status === 400 ? again() : made.append(wrong(error)));
    const add = () => more().then(render).catch(failed);
    made.replaceChildren(
      ...summary(view, kind, found),
      table(`${kind.title}, ${rows.length} of ${found.count}`, kind.columns(view, rows), rows),
      cursor ? h("button", { type: "button", onclick: add }, "More lines") : "",
    );
  };
  render();
  return found.count > 0;
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
  return values.length > 3 ? `${values.length} of them` : values.map((value) => value || "none named").join(" or ");
}

function summary(view, kind, found) {
  const said = h("span", { role: "status", class: "quiet" });
  const name = `${kind.file}_${about(view)}.csv`.replaceAll(/[^\w.-]+/g, "_");
  const told = (count) => (said.textContent = ` ${Math.min(count, found.count)} of ${found.count}`);
  const failed = (error) => (said.textContent = ` ${error.message}`);
  const save = () => saveLines(kind.route, linesOf(view, {}), name, told).catch(failed);
  return [
    h(
      "p",
      {},
      h("strong", {}, usd(found[kind.total])),
      ` is the sum of ${found.count} ${kind.lines}, exactly ${found[kind.total]} USD. ${kind.how}`,
    ),
    shared(found) && h("p", { class: "doubt" }, SHARES),
    h("p", {}, h("button", { type: "button", onclick: save }, `All ${found.count} as CSV`), said),
  ].filter(Boolean);
}

const SHARES =
  "The bill does not tell the key of every line: of such a line what counts is the share of what was used by the key." +
  " In the file that is allocated_usd.";

/** Whether some line is another's too, so that only a share of it counts. */
function shared(found) {
  return found.rows.some((row) => row.allocated_usd ?? null);
}

const DAY = { title: "day", cell: (row) => row.day };
const FOR = {
  title: "for",
  cell: (row) => [row.provider, row.account, row.project, row.api_key].filter(Boolean).join(" · "),
};

/** What tells lines apart that the provider calls the same. */
function finer(row) {
  return [row.service_tier, row.context_window, row.cache_lifetime, row.location].filter(Boolean);
}

function number(title, cell) {
  return { title, cell, number: true };
}

function from(view) {
  return { title: "on the page", cell: (row) => page(view, row) };
}

const BILLED = {
  route: "/spend/rows",
  title: "Lines of the bill",
  file: "spend-rows",
  lines: "billed lines",
  total: "total_usd",
  how: "",
  lacks: [],
  columns: (view, rows) => [
    DAY,
    number("USD", (row) => row.allocated_usd ?? row.cost_usd ?? "not in USD"),
    ...(shared({ rows }) ? [number("of a line of", (row) => (row.allocated_usd === null ? "" : row.cost_usd))] : []),
    {
      title: "what",
      cell: (row) => [row.line_item ?? row.sku ?? row.model ?? row.charge_category, ...finer(row)].join(", "),
    },
    FOR,
    number("quantity", (row) => (row.quantity ? `${grouped(row.quantity)} ${row.unit ?? ""}` : "")),
    ...(rows.some((row) => row.currency !== "USD")
      ? [number("as billed", (row) => `${row.amount} ${row.currency}`)]
      : []),
    from(view),
  ],
};

const ESTIMATED = {
  route: "/spend/estimates",
  title: "Estimates of what is not billed yet",
  file: "spend-estimates",
  lines: "estimates",
  total: "total_estimated_usd",
  how: "Each is its quantity, times the list price of one, times what the model's bill lately was of its list price, less what is billed of it.",
  lacks: ["line_item", "charge_category"], // what only a bill tells
  columns: (view) => [
    DAY,
    number("estimated USD", (row) => row.counted_usd),
    { title: "what", cell: (row) => [row.measured_model ?? row.kind, row.token_type, ...finer(row)].join(", ") },
    FOR,
    number("quantity", (row) => grouped(row.quantity)),
    number("list price of one, USD", (row) => row.unit_usd ?? ""),
    number("times", (row) => row.ratio ?? ""),
    from(view),
  ],
};

function page(view, row) {
  if (!row.page_available) return "page expired";
  const there = link(view, { page: `${row.provider}/${row.page_id}`, row: row.row_no });
  return h("a", { href: there }, `record ${row.row_no}`);
}
