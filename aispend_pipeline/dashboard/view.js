// What is looked at: days, how the bars are cut, what the table lists, filters, and what is opened. All of it is in the
// fragment of the page's address, so that a view is a link.

export const CUTS = { provider: "provider", account: "account", model: "model", project: "project" };
export const FILTERS = {
  ...CUTS,
  api_key: "key",
  service_tier: "tier",
  token_type: "token type",
  line_item: "line of the bill",
};
export const PERSON = "person"; // sums of the keys that are a person's
export const TABLES = { ...FILTERS, [PERSON]: "person" };

/** What is said where the provider names none. */
export function noneNamed(by) {
  return by === PERSON ? "nobody named" : `no ${FILTERS[by] ?? by} named`;
}

export const PERIODS = {
  month: "This month",
  before: "Last month",
  week: "Last 7 days",
  days30: "Last 30 days",
  own: "From … to",
};
const DEFAULTS = { period: "month", cut: "provider", by: "model", chart: "day" };
const OPENED = "line."; // before each filter of the lines that are opened

/** The view that a fragment describes; whatever it does not say, or says wrongly, is as at first. */
export function readView(fragment, today) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const view = { filters: {}, opened: {}, page: given.get("page"), row: given.get("row") };
  for (const [name, usual] of Object.entries(DEFAULTS)) view[name] = given.get(name) ?? usual;
  if (!(view.cut in CUTS)) view.cut = DEFAULTS.cut;
  if (!(view.by in TABLES)) view.by = DEFAULTS.by;
  if (view.chart !== "sum") view.chart = "day";
  for (const name of Object.keys(FILTERS)) {
    const values = given.getAll(name);
    if (values.length) view.filters[name] = values;
  }
  for (const name of new Set(given.keys())) {
    if (name.startsWith(OPENED)) view.opened[name.slice(OPENED.length)] = given.getAll(name);
  }
  return { ...view, ...days(view.period, given, today) };
}

/** The fragment of `view`, with `changes`. */
export function link(view, changes = {}) {
  const to = { ...view, ...changes };
  const said = new URLSearchParams();
  for (const [name, usual] of Object.entries(DEFAULTS)) if (to[name] !== usual) said.set(name, to[name]);
  if (to.period === "own") {
    said.set("from", to.from);
    said.set("to", to.to);
  }
  for (const [name, values] of Object.entries(to.filters)) for (const value of values) said.append(name, value);
  for (const [name, values] of Object.entries(to.opened))
    for (const value of values) said.append(OPENED + name, value);
  if (to.page) said.set("page", to.page);
  if (to.page && to.row) said.set("row", to.row);
  return "#" + (said.toString() || "this-month");
}

/** The view with lines opened: those of a group within the filters; keys that cannot be told are null. */
export function opening(view, keys) {
  const ofGroup = Object.fromEntries(Object.entries(keys).map(([name, value]) => [name, [value ?? ""]]));
  return link(view, {
    opened: { from: [view.from], to: [view.to], ...view.filters, ...ofGroup },
    page: null,
    row: null,
  });
}

/** The parameters of `/spend` for the view's days and filters, and more. */
export function asked(view, more) {
  const params = new URLSearchParams({ from: view.from, to: view.to });
  for (const [name, values] of Object.entries(view.filters)) for (const value of values) params.append(name, value);
  for (const [name, value] of Object.entries(more)) {
    params.delete(name);
    for (const one of [value].flat()) params.append(name, one);
  }
  return params;
}

/** `day` and `count` days later, as YYYY-MM-DD. */
export function later(day, count) {
  const at = new Date(day + "T00:00:00Z");
  at.setUTCDate(at.getUTCDate() + count);
  return at.toISOString().slice(0, 10);
}

/** How many days the month of `day` has. */
export function daysOfMonth(day) {
  return new Date(Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)), 0)).getUTCDate();
}

/** Every day from `first` to `last`. */
export function range(first, last) {
  const found = [];
  for (let day = first; day <= last; day = later(day, 1)) found.push(day);
  return found;
}

function days(period, given, today) {
  const first = today.slice(0, 8) + "01";
  if (period === "before") {
    const last = later(first, -1);
    return { period, from: last.slice(0, 8) + "01", to: last };
  }
  if (period === "week") return { period, from: later(today, -6), to: today };
  if (period === "days30") return { period, from: later(today, -29), to: today };
  const [from, to] = [given.get("from"), given.get("to")];
  const usable = [from, to].every((day) => /^\d{4}-\d\d-\d\d$/.test(day ?? "")) && from <= to && to <= today;
  return period === "own" && usable ? { period, from, to } : { period: "month", from: first, to: today };
}
