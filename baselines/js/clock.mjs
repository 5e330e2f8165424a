// Honest times from a coarse clock: what its ticks are, how many queries belong between two looks at it, percentiles.

/** A time is worth keeping if it is at least so many ticks long. */
const MIN_TICKS = 20;

/** The shortest step between two different readings of the clock, in µs. */
export function resolutionMicros(now) {
  let shortest = Infinity;
  for (let i = 0; i < 200; i += 1) {
    const start = now();
    let end = now();
    while (end === start) end = now();
    shortest = Math.min(shortest, end - start);
  }
  return shortest * 1000;
}

/** How many queries to time together, so that the clock's ticks do not show. */
export function batchSize(mean_micros, resolution_micros) {
  return Math.max(1, Math.ceil((MIN_TICKS * resolution_micros) / mean_micros));
}

/** Mean and percentiles; the 99th only where there are 100 times. */
export function summary(micros) {
  const sorted = Float64Array.from(micros).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return {
    n: sorted.length,
    mean: sorted.reduce((sum, x) => sum + x, 0) / sorted.length,
    p50: at(0.5),
    p99: sorted.length >= 100 ? at(0.99) : null,
    max: sorted[sorted.length - 1],
  };
}

export function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
