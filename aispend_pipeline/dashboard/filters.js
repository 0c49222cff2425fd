// The form that says what is looked at. It only changes the page's address.

import { today } from "./api.js";
import { h } from "./dom.js";
import { CUTS, FILTERS, link, PERIODS, readView, TABLES } from "./view.js";

const FEW = 3;

/** The form as the view has it, with the filters that are set as buttons that take them away. */
export function showFilters(view) {
  const form = document.getElementById("filters");
  if (form.contains(document.activeElement) && form.dataset.view === link(view)) return;
  form.dataset.view = link(view);
  const focused = document.activeElement?.id;
  form.replaceChildren(
    choice("Days", "period", PERIODS, view.period, (period) => go(() => ({ period }))),
    ...(view.period === "own" ? [day("From", "from", view), day("To", "to", view)] : []),
    choice("Bars by", "cut", CUTS, view.cut, (cut) => go(() => ({ cut }))),
    choice("Chart", "bars", { day: "each day", sum: "month so far" }, view.chart, (chart) => go(() => ({ chart }))),
    choice("Table by", "by", TABLES, view.by, (by) => go(() => ({ by }))),
    ...set(view),
  );
  document.getElementById(focused)?.focus();
}

/** Change the view that the address has by now: the page may show an older one yet. */
function go(changes) {
  const view = readView(location.hash, today());
  location.hash = link(view, changes(view));
}

function choice(title, id, options, chosen, change) {
  const listed = Object.entries(options).map(([value, text]) =>
    h("option", { value, selected: value === chosen }, text),
  );
  return h("label", {}, title, h("select", { id, onchange: (event) => change(event.target.value) }, listed));
}

function day(title, end, view) {
  const changed = (event) => event.target.value && go(() => ({ [end]: event.target.value }));
  return h("label", {}, title, h("input", { id: end, type: "date", value: view[end], onchange: changed }));
}

/** What is filtered by; many values of one kind are one button. */
function set(view) {
  return Object.entries(view.filters).flatMap(([name, values]) =>
    values.length > FEW
      ? [takeAway(name, `${values.length} of ${FILTERS[name]}`, () => [])]
      : values.map((value) =>
          takeAway(name, `${FILTERS[name]}: ${value || "none named"}`, (now) =>
            now.filter((other) => other !== value),
          ),
        ),
  );
}

function takeAway(name, said, left) {
  const take = () => go(({ filters }) => ({ filters: { ...filters, [name]: left(filters[name] ?? []) } }));
  return h(
    "button",
    { type: "button", class: "filter", "aria-label": `Without the filter ${said}`, onclick: take },
    `${said} ✕`,
  );
}
