// What a process or page can be asked to do.

import { measure } from "./measure.mjs";
import { ratio } from "./ratio.mjs";

/** Runs `job`, whose `kind` is `measure`, `measures` (several in turn, in one process) or `ratio`. */
export async function runJob(job, platform, drivers) {
  if (job.kind === "ratio") return ratio(job, platform, drivers);
  if (job.kind === "measure") return measure(job, platform, drivers);
  const results = [];
  for (const one of job.jobs) results.push(await measure(one, platform, drivers));
  return results;
}
