// The form that says what is looked at. It only changes the page's address.

import { h } from "./dom.js";
import { CUTS, FILTERS, link, PERIODS, TABLES } from "./view.js";

/** The form as the view has it, with the filters that are set as buttons that take them away. */
export function showFilters(view) {
  const form = document.getElementById("filters");
  if (form.contains(document.activeElement) && form.dataset.view === link(view)) return;
  form.dataset.view = link(view);
  const focused = document.activeElement?.id;
  form.replaceChildren(
    choice("Days", "period", PERIODS, view.period, (period) => go(view, { period })),
    ...(view.period === "own" ? [day("From", "from", view), day("To", "to", view)] : []),
    choice("Bars by", "cut", CUTS, view.cut, (cut) => go(view, { cut })),
    choice("Chart", "bars", { day: "each day", sum: "month so far" }, view.chart, (chart) => go(view, { chart })),
    choice("Table by", "by", TABLES, view.by, (by) => go(view, { by })),
    ...set(view),
  );
  document.getElementById(focused)?.focus();
}

function go(view, changes) {
  location.hash = link(view, changes);
}

function choice(title, id, options, chosen, change) {
  const listed = Object.entries(options).map(([value, text]) =>
    h("option", { value, selected: value === chosen }, text),
  );
  return h("label", {}, title, h("select", { id, onchange: (event) => change(event.target.value) }, listed));
}

function day(title, end, view) {
  const changed = (event) => event.target.value && go(view, { [end]: event.target.value });
  return h("label", {}, title, h("input", { id: end, type: "date", value: view[end], onchange: changed }));
}

function set(view) {
  return Object.entries(view.filters).flatMap(([name, values]) =>
    values.map((value) => {
      const left = { ...view.filters, [name]: values.filter((other) => other !== value) };
      const said = `${FILTERS[name]}: ${value || "unknown"}`;
      const take = () => go(view, { filters: left });
      return h(
        "button",
        { type: "button", class: "filter", "aria-label": `Without the filter ${said}`, onclick: take },
        `${said} ✕`,
      );
    }),
  );
}
