// What the figures were measured on.

import { readFileSync } from "node:fs";
import os from "node:os";

export function machine() {
  const read = (path) => {
    try {
      return readFileSync(path, "utf8").trim();
    } catch {
      return null;
    }
  };
  return {
    cpu: os.cpus()[0].model.trim(),
    n_cpus: os.cpus().length,
    memory_bytes: os.totalmem(),
    os: `${os.type()} ${os.release()}`,
    last_level_cache: read("/sys/devices/system/cpu/cpu0/cache/index3/size"),
    load_average_at_start: os.loadavg()[0],
  };
}

export function machineLine({ machine, browser, node, command, date, commit }) {
  const cache = machine.last_level_cache ? `, last-level cache ${machine.last_level_cache}` : "";
  return `Made by \`${command}\` on ${date} at commit ${commit}: ${machine.cpu}, ${machine.n_cpus} cores${cache}, ${Math.round(machine.memory_bytes / 2 ** 30)} GiB, ${machine.os}, ${browser}, Node ${node}. Load average at the start: ${machine.load_average_at_start.toFixed(2)}.`;
}
