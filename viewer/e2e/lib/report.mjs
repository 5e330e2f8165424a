// The results of `cargo xtask bench stream` as a page for people.

const kilobytes = (n_bytes) => `${(n_bytes / 1000).toFixed(1)} kB`;
const millis = (n_micros) => (n_micros === null ? "not known" : `${(n_micros / 1000).toFixed(2)} ms`);
const count = (n) => n.toLocaleString("en-US");

/** stream.md for the results in stream.json. */
export function markdown(results) {
  const { page, first_label, wine, covertype, slow_page, machine } = results;
  const rows = [
    ["page, gzip, without model", "< 300 kB", `${kilobytes(page.n_bytes_gzip)}, and ${kilobytes(page.n_bytes_gzip_elsewhere)} that only \`/phone\` and several sources load`, page.n_bytes_gzip < 300_000],
    ["open to first label, Covertype, nothing cached", "< 3 s",
      `${(first_label.median_millis / 1000).toFixed(2)} s (median of ${first_label.runs_millis.length})`, first_label.median_millis < 3000],
    [`Wine, ${count(wine.rate)} readings/s for ${wine.seconds} s: missed`, "0", count(wine.n_missed), wine.n_missed === 0],
    ["Wine: end to end p99", "< 5 ms", millis(wine.latency_micros.end_to_end.p99), wine.latency_micros.end_to_end.p99 < 5000],
    ["Wine: longest task on the main thread", "< 50 ms",
      wine.longest_task_millis === 0 ? "none of 50 ms" : `${wine.longest_task_millis} ms`, wine.longest_task_millis === 0],
    ["page too slow: most readings in flight", `≤ ${slow_page.credit} (credit)`, count(slow_page.max_in_flight),
      slow_page.max_in_flight <= slow_page.credit],
    ["page too slow: readings not accounted for", "0", count(slow_page.n_unaccounted), slow_page.n_unaccounted === 0],
  ];
  return `# The stream in a real page

Made by \`${results.command}\` on ${results.date} at commit ${results.commit}: ${machine.cpu}, ${machine.n_cpus} cores,
${Math.round(machine.memory_bytes / 2 ** 30)} GiB, ${machine.os}, ${results.browser}. All numbers are in stream.json beside this file.

| what | target | measured | |
|---|---|---|---|
${rows.map(([what, target, measured, met]) => `| ${what} | ${target} | ${measured} | ${met ? "met" : "**missed**"} |`).join("\n")}

## Latency, from sent to labelled

| stream | p50 | p95 | p99 | max |
|---|---|---|---|---|
${latencyRow(`Wine, ${count(wine.rate)}/s`, wine)}
${covertype.held ? latencyRow(`Covertype, ${count(covertype.held.rate)}/s`, covertype.held) : "| Covertype | – | – | – | – |"}

Since the first reading, opening included. Wine's p99 by stage: server ${stage(wine, "server")}, network ${stage(wine, "network")},
wait ${stage(wine, "wait")}, classify ${stage(wine, "classify")}. The clocks agree within ${millis(wine.clock_uncertainty_micros)}.

## Covertype, as fast as it goes

The page labels ${count(covertype.labelled_per_sec_at_rate_max)} readings/s when it sets the pace (\`--rate max\`). The highest rate of those tried that it
holds with nothing missed is **${count(covertype.max_rate)} readings/s**${covertype.held ? ` (${covertype.held.engine})` : ""}:

| rate | held | missed | not yet labelled at the end |
|---|---|---|---|
${covertype.tried.map((run) => `| ${count(run.rate)} | ${run.is_held ? "yes" : "no"} | ${count(run.n_missed)} | ${count(run.n_lagging)} |`).join("\n")}

## A page ${(slow_page.n_produced / slow_page.n_labelled).toFixed(0)} times too slow

Covertype at ${count(slow_page.rate)} readings/s with \`?slow=${slow_page.slow_factor}\`: of ${count(slow_page.n_produced)} readings ${count(slow_page.n_labelled)} were labelled, and
${Object.entries(slow_page.gaps).filter(([cause, n]) => cause !== "total" && n > 0).map(([cause, n]) => `${count(n)} skipped (${cause})`).join(", ")}. At most ${count(slow_page.max_in_flight)} were
in flight, as seen on the wire; the newest label was never older than ${slow_page.max_age_millis} ms when looked at once a second.
`;
}

function latencyRow(name, { latency_micros: { end_to_end } }) {
  return `| ${name} | ${["p50", "p95", "p99", "max"].map((key) => millis(end_to_end[key])).join(" | ")} |`;
}

function stage(run, name) {
  return millis(run.latency_micros[name].p99);
}
