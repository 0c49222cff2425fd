// What was said of caps, to whom, and what became of it; admins may have a message tried again, or given up.

import { get, hasToken, keepToken, post } from "./api.js";
import { h, instant, place, table } from "./dom.js";

const POSSIBLE = { dead: ["retry", "drop"], pending: ["drop"] };

/** Incidents that are open, and the newest messages; `changed` is called after something was done. */
export function showAlerts(found, status, changed) {
  const said = h("p", { role: "status" });
  const act = async (path) => {
    said.textContent = await done(path);
    await changed();
    document.getElementById("alerts").append(said);
  };
  const columns = [
    { title: "when", cell: (one) => instant(one.created_at) },
    { title: "what", cell: (one) => message(one) },
    { title: "to", cell: (one) => (one.channel === "hook" ? "webhook" : one.channel) },
    { title: "result", cell: (one) => (one.last_error ? `${one.status}: ${one.last_error}` : one.status) },
    ...(hasToken() ? [{ title: "do", cell: (one) => actions(one, act) }] : []),
  ];
  const incidents = status.incidents.map((one) =>
    h("li", {}, `${one.subject}: ${one.detail} (since ${instant(one.since)})`),
  );
  const messages = found.items.length
    ? table("The newest messages", columns, found.items)
    : h("p", { class: "empty" }, "Nobody was told anything yet.");
  place("alerts", incidents.length ? h("ul", { class: "wrong" }, incidents) : null, messages, admin(act, changed));
}

/** A message in one line; opened, what each thing it tells was decided from. */
function message(one) {
  const why = h("ul", { "aria-live": "polite" });
  const opened = async ({ target }) => {
    if (!target.open) return;
    const { events } = await get(`/alerts/${encodeURIComponent(one.id)}`).catch((error) => ({
      events: [{ headline: error.message, details: [] }],
    }));
    why.replaceChildren(
      ...events.flatMap((event) => [
        h("li", {}, event.headline),
        ...event.details.map((line) => h("li", { class: "quiet" }, line)),
      ]),
    );
  };
  const all = one.events.length > 1 ? one.events.map((event) => h("div", { class: "quiet" }, event.headline)) : [];
  return [h("details", { ontoggle: opened }, h("summary", {}, one.subject), why), ...all];
}

function actions(one, act) {
  return (POSSIBLE[one.status] ?? []).map((what) =>
    h(
      "button",
      {
        type: "button",
        "aria-label": `${what}: ${one.subject}`,
        onclick: () => act(`/admin/alerts/${encodeURIComponent(one.id)}/${what}`),
      },
      what,
    ),
  );
}

async function done(path) {
  try {
    const now = await post(path);
    return `${path}: ${now.status ?? "done"}`;
  } catch (error) {
    return `${path}: ${error.message}`;
  }
}

/** The token is asked for once, and then there are things to do. */
function admin(act, changed) {
  if (hasToken())
    return h("p", {}, h("button", { type: "button", onclick: () => act("/test/alert") }, "Send a test message"));
  const field = h("input", { type: "password", autocomplete: "off" });
  const given = (event) => {
    event.preventDefault();
    keepToken(field.value);
    changed();
  };
  return h(
    "details",
    {},
    h("summary", {}, "For admins"),
    h(
      "form",
      { onsubmit: given },
      h("label", {}, "ADMIN_TOKEN, kept until this page is left", field),
      h("button", {}, "Use it"),
    ),
  );
}
