// Starts the real server (RUNNEL_SERVER, else dist/sensor-sim) and ends it by its process id.

import assert from "node:assert/strict";
import { spawn, execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

export const serverBinary = process.env.RUNNEL_SERVER ?? join(repository, "dist/sensor-sim");

/** Makes an empty folder that `remove` takes away again. */
export async function emptyFolder() {
  const path = await mkdtemp(join(tmpdir(), "runnel-e2e-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Starts the server in an empty folder and returns once it has printed its address. */
export async function startServer(args, { port = 0, env = {} } = {}) {
  const folder = await emptyFolder();
  const child = spawn(serverBinary, [...args, "--port", String(port)], {
    cwd: folder.path,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  const closed = once(child, "close").then(async ([code, signal]) => {
    await folder.remove();
    return { code, signal };
  });
  const address = await new Promise((found, failed) => {
    child.on("error", failed);
    closed.then((end) => failed(new Error(`the server ended (${JSON.stringify(end)}):\n${log}`)), failed);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const match = line.match(/http:\/\/127\.0\.0\.1:(\d+)\//);
      if (match) found(match);
    });
  });
  const end = async (signal) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(child.pid, signal);
    return closed;
  };
  return {
    url: address[0],
    port: Number(address[1]),
    log: () => log,
    /** As Ctrl-C does; returns exit code and signal. */
    stop: () => end("SIGINT"),
    /** Without warning, as a crash would. */
    kill: () => end("SIGKILL"),
  };
}

/** Runs the server's binary to its end and returns what it printed; never rejects for an exit code. */
export function runServer(args) {
  return new Promise((done) => {
    execFile(serverBinary, args, { maxBuffer: 1 << 20 }, (error, stdout, stderr) => {
      done({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

/** Posts a message, any number of lines; returns what the server says of it. */
export async function post(server, source, body) {
  const answer = await fetch(`${server.url}ingest/${source}`, { method: "POST", body });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}
