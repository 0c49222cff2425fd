// Makes elements. Text is only ever text: nothing that the service answers becomes markup.

import { today } from "./api.js";
import { parse, shown } from "./money.js";

/** An element; `with_` has its attributes, and what happens (`onclick`). */
export function h(tag, with_ = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(with_ ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A table: its columns have a `title`, `cell(row)`, `number` where they are numbers, and perhaps a `total`. */
export function table(caption, columns, rows) {
  const line = (cells) =>
    h(
      "tr",
      {},
      cells.map((cell, at) => cellOf(columns[at], at, cell)),
    );
  const head = columns.map((column) => h("th", { scope: "col", class: kind(column) }, column.title));
  const body = rows.map((row) => line(columns.map((column) => column.cell(row))));
  const foot = columns.some((column) => column.total) && line(columns.map((column) => column.total ?? ""));
  return h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, body),
      foot && h("tfoot", {}, foot),
    ),
  );
}

/** The first cell of a row is its heading. */
function cellOf(column, at, content) {
  return h(at ? "td" : "th", { scope: at ? null : "row", class: kind(column) }, content);
}

function kind(column) {
  return column.number ? "number" : null;
}

/** Put `children` in the place with this id, and say that it is there. */
export function place(id, ...children) {
  const section = document.getElementById(id);
  section.replaceChildren(...children.flat().filter(Boolean));
  section.setAttribute("aria-busy", "false");
}

/** An amount for people, rounded, of its decimal text; resting on it shows that. */
export function usd(text, none = "not known", as = shown) {
  return text === null ? none : h("span", { title: `${text} USD` }, as(parse(text)));
}

/** An instant for people: today's without its day. */
export function instant(text) {
  if (!text) return "never";
  const [day, time] = [text.slice(0, 10), text.slice(11, 16)];
  return day === today() ? `${time} UTC` : `${day} ${time} UTC`;
}
