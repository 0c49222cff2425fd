// All lines of what is opened as one file: the service gives them in parts.

import { getPart } from "./api.js";

const MOST = 500; // that one part has
const CHANGED = 400; // what the service answers to a cursor whose figures have changed
const TRIES = 3;

/** Save the lines that `route` has for `params` as a file of that name; `told` hears how many parts came. */
export async function saveLines(route, params, name, told) {
  const address = URL.createObjectURL(new Blob([await whole(route, params, told)], { type: "text/csv" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  URL.revokeObjectURL(address);
}

/** From the beginning again, where there are new figures meanwhile: a file is of one snapshot. */
async function whole(route, params, told) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await parts(route, params, told);
    } catch (error) {
      if (error.status !== CHANGED || tries === TRIES) throw error;
    }
  }
}

async function parts(route, params, told) {
  const found = [];
  let cursor = null;
  do {
    const asked = new URLSearchParams(params);
    asked.set("format", "csv");
    asked.set("limit", MOST);
    if (cursor) asked.set("cursor", cursor);
    const part = await getPart(route, asked);
    found.push(found.length ? part.csv.slice(part.csv.indexOf("\n") + 1) : part.csv);
    cursor = part.cursor;
    told(found.length * MOST);
  } while (cursor);
  return found.join("");
}
