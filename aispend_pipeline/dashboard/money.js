// Money is decimal text from the service: it is added and rounded as whole numbers of 10^-18 dollars, never as a float.

const PLACES = 18n;
const ONE = 10n ** PLACES;
const CENT = ONE / 100n;

/** The whole number of 10^-18 dollars that a decimal text is; null stays null. */
export function parse(text) {
  if (text === null || text === undefined) return null;
  const negative = text.startsWith("-");
  const [whole, part = ""] = text.replace("-", "").split(".");
  const units = BigInt(whole) * ONE + BigInt(part.padEnd(Number(PLACES), "0"));
  return negative ? -units : units;
}

/** The decimal text of a whole number of 10^-18 dollars; null stays null. */
export function text(units) {
  if (units === null) return null;
  const digits = String(units < 0n ? -units : units).padStart(Number(PLACES) + 1, "0");
  const part = digits.slice(-Number(PLACES)).replace(/0+$/, "").padEnd(2, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -Number(PLACES))}.${part}`;
}

/** The sum of what is known; null if nothing is. */
export function sum(amounts) {
  const known = amounts.filter((one) => one !== null);
  return known.length ? known.reduce((total, one) => total + one, 0n) : null;
}

/** For the length of a bar only. */
export function toNumber(units) {
  return Number(units) / 1e18;
}

/** Dollars for people: to the cent, or to `step` units; half to even, as the exact amount's title is beside it. */
export function shown(units, step = CENT) {
  if (units === null) return "not known";
  const digits = step === CENT ? 2 : 0;
  const rounded = divided(units < 0n ? -units : units, step);
  const whole = digits ? rounded / 100n : rounded;
  const part = digits ? "." + String(rounded % 100n).padStart(2, "0") : "";
  return (units < 0n && rounded ? "−$" : "$") + grouped(whole) + part;
}

/** Whole dollars for people, where there is little room. */
export function inDollars(units) {
  return shown(units, ONE);
}

/** A change for people, with its sign. */
export function change(units) {
  return units > 0n ? "+" + shown(units) : shown(units);
}

/** Dollars per million tokens; null where there are none. */
export function perMillion(units, tokens) {
  return units === null || !tokens ? null : divided(units * 1_000_000n, BigInt(tokens));
}

/** Which part of `whole` it is, in tenths of a percent rounded down: 100 is shown only once it is reached. */
export function percent(units, whole) {
  return whole > 0n ? Number((units * 1000n) / whole) / 10 : null;
}

/** Which part of `whole` it is, for people: rounded, but never to nothing. */
export function share(units, whole) {
  if (units === null || whole <= 0n) return "–";
  const tenths = divided((units < 0n ? -units : units) * 1000n, whole);
  const small = tenths === 0n && units !== 0n;
  return small ? "< 0.1 %" : `${units < 0n ? "−" : ""}${Number(tenths) / 10} %`;
}

/** A count, or decimal text, with the thousands of its whole part apart. */
export function grouped(count) {
  const [whole, part] = String(count).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? "." + part : "");
}

/** A count in three digits, for people: 12.3 M. */
export function compact(count) {
  if (count === null || count === undefined) return "–";
  for (const [size, letter] of [
    [1e12, "tn"],
    [1e9, "bn"],
    [1e6, "M"],
    [1e3, "k"],
  ]) {
    if (count >= size) return (count / size).toPrecision(3) + " " + letter;
  }
  return String(count);
}

function divided(units, by) {
  const [whole, rest] = [units / by, units % by];
  const twice = rest * 2n;
  const up = twice > by || (twice === by && whole % 2n === 1n);
  return up ? whole + 1n : whole;
}
