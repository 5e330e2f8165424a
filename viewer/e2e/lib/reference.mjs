// The same split, model and readings computed by scikit-learn: see reference.py.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { on } from "node:events";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { WebSocket } from "ws";

import { emptyFolder, serverBinary } from "./server.mjs";

const exec = promisify(execFile);
const python = process.env.RUNNEL_PYTHON ?? "python3";
const script = join(dirname(fileURLToPath(import.meta.url)), "../reference.py");

/**
 * What scikit-learn says of the first `n_readings` readings of a data set's stream.
 * `classes` are in the order of their ids; the model that `url`'s server serves tells k and the scaling.
 */
export async function reference({ dataset, seed, n_readings, classes, url, algorithm }) {
  const folder = await emptyFolder();
  try {
    const csv = join(folder.path, "split.csv");
    await exec(serverBinary, ["datasets", "export", dataset, "--seed", String(seed), "--out", csv]);
    const question = join(folder.path, "question.json");
    const record = await modelRecord(url);
    await writeFile(question, JSON.stringify({ csv, classes, k: record.k, n_readings, scaling: record.scaling, algorithm }));
    const { stdout } = await exec(python, [script, question], { maxBuffer: 1 << 28 });
    return JSON.parse(stdout);
  } finally {
    await folder.remove();
  }
}

/** k and scaling out of the served safetensors file, read independently of our own reader. */
async function modelRecord(url) {
  const answer = await fetch(new URL(await modelPath(url), url));
  assert.equal(answer.status, 200);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
  const { k, preparation, scaling } = JSON.parse(header.__metadata__.runnel);
  return { k, scaling: scaling && { kind: preparation, ...scaling } };
}

/** Where the channel's schema says that its model is. */
async function modelPath(url) {
  const socket = new WebSocket(new URL("live", url.replace("http", "ws")), "runnel.v1");
  for await (const [data] of on(socket, "message")) {
    const message = JSON.parse(data.toString());
    if (message.op === "schema") {
      socket.close();
      return message.model.url;
    }
  }
}
