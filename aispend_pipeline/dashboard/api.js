// Asks the service that sent this page. What it refuses is an Error with its own words.

const RETRIES = 4;
let adminToken = null;
let ahead = 0; // milliseconds that the service's clock is ahead of this machine's

/** Keep the admin token until the page is left; nowhere else. */
export function keepToken(token) {
  adminToken = token || null;
}

/** Whether an admin token was given. */
export function hasToken() {
  return adminToken !== null;
}

const snapshots = new Set(); // that answers since the last `beginRound` are from

/** From here on answers belong together. */
export function beginRound() {
  snapshots.clear();
}

/** Whether all answers of the round are from one snapshot, so that their figures agree. */
export function isOneSnapshot() {
  return snapshots.size <= 1;
}

/** The JSON that `path` answers to `params`. */
export async function get(path, params) {
  const answer = await patiently(() => fetch(params ? `${path}?${params}` : path));
  const at = Date.parse(answer.headers.get("date"));
  if (at) ahead = at - Date.now();
  const body = await answered(answer);
  if (body.as_of) snapshots.add(body.as_of);
  return body;
}

/** Milliseconds since an instant, by the service's clock. */
export function age(instant) {
  return Date.now() + ahead - Date.parse(instant);
}

/** The service's day, UTC: this machine's clock may be wrong. */
export function today() {
  return new Date(Date.now() + ahead).toISOString().slice(0, 10);
}

/** One part of a table as CSV: its text, and the cursor of the next part, null at the end. */
export async function getPart(path, params) {
  const answer = await patiently(() => fetch(`${path}?${params}`));
  if (!answer.ok) return answered(answer);
  return { csv: await answer.text(), cursor: answer.headers.get("x-aispend-cursor") };
}

/** The text that `path` answers, as it is. */
export async function getText(path) {
  const answer = await patiently(() => fetch(path));
  return answer.ok ? answer.text() : answered(answer);
}

/** The JSON that a route answers which changes or sends something. */
export async function post(path) {
  return answered(await fetch(path, { method: "POST", headers: { authorization: `Bearer ${adminToken}` } }));
}

async function patiently(ask) {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask().catch(() => {
      throw new Error("the service cannot be reached; is it running?");
    });
    if (answer.status !== 429 || tries > RETRIES) return answer;
    const seconds = Number(answer.headers.get("retry-after")) || 1;
    await new Promise((go) => setTimeout(go, seconds * 1000));
  }
}

async function answered(answer) {
  const body = await answer.json().catch(() => null);
  if (answer.ok && body) return body;
  const error = new Error(body?.detail ?? `the service answered ${answer.status}`);
  error.status = answer.status;
  throw error;
}
