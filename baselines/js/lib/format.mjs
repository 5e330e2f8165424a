// Numbers for people.

/** µs as the unit that suits it, three digits. */
export function time(micros) {
  if (micros === null || micros === undefined) return "–";
  if (micros < 1000) return `${digits(micros)} µs`;
  return micros < 1e6 ? `${digits(micros / 1e3)} ms` : `${digits(micros / 1e6)} s`;
}

export const millisTime = (millis) => (millis === undefined ? "–" : time(millis * 1000));

export function megabytes(bytes) {
  return bytes === undefined || bytes === null ? "–" : `${digits(bytes / 1e6)} MB`;
}

export function digits(number) {
  if (number === 0) return "0";
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(number))));
  return places === 0 ? count(Math.round(number)) : number.toFixed(Math.min(places, 3));
}

export function count(n) {
  return n.toLocaleString("en-US");
}

/** Accuracy with its 95 % interval (E. Wilson, "Probable inference", J. Amer. Statist. Assoc. 22, 1927). */
export function accuracy({ n, n_right }) {
  const { low, high } = wilson(n_right, n);
  return `${share(n_right / n)} (${share(low)}–${share(high)})`;
}

export function wilson(n_right, n) {
  const z = 1.959964;
  const p = n_right / n;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { low: middle - half, high: middle + half };
}

/** A share as tables of accuracies have it: four digits, no leading zero. */
export const share = (x) => x.toFixed(4).replace(/^0/, "");

export function table(header, rows) {
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
