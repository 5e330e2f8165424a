// What a browser downloads, counted as the README says, and that the README still says it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { install } from "./lib/install.mjs";

/** All that a browser loads is in one. */
const SCRIPTS = ["browser.js"];

/** Node reads them from disk. */
const SCRIPTS_FOR_NODE = ["node.js", "loading.js", "model.js", "online.js", "arguments.js", "wasm/bindings.js"];

// Scripts and WebAssembly together; what a change adds has to be worth raising it.
const MAX_KILOBYTES = 109;

let installed;

before(async () => {
  installed = await install();
});

after(() => installed?.remove());

const read = (name) => readFileSync(join(installed.packageFolder, name));
const zippedKilobytes = (names) => names.reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0) / 1000;

test("what a browser downloads is within its budget and as the README says", (t) => {
  const scripts = zippedKilobytes(SCRIPTS);
  const wasm = zippedKilobytes(["wasm/simd.wasm"]);
  t.diagnostic(`gzipped: scripts ${scripts.toFixed(1)} kB, simd.wasm ${wasm.toFixed(1)} kB, together ${(scripts + wasm).toFixed(1)} kB`);
  assert.ok(scripts + wasm <= MAX_KILOBYTES, `at most ${MAX_KILOBYTES} kB`);
  const said = read("README.md").toString().match(/(\d+) kB of scripts and (\d+) kB of WebAssembly/);
  assert.ok(said, "the README gives two sizes");
  for (const [what, actual, figure] of [["scripts", scripts, said[1]], ["WebAssembly", wasm, said[2]]]) {
    assert.ok(Math.abs(actual - figure) < 1 + 0.02 * actual, `${what}: ${actual.toFixed(1)} kB, and the README says ${figure}`);
  }
});

test("nothing in the package names the machine that it was built on", () => {
  for (const name of [...SCRIPTS, ...SCRIPTS_FOR_NODE, "index.d.ts", "package.json", "README.md", "wasm/simd.wasm", "wasm/scalar.wasm"]) {
    const found = read(name).toString("latin1").match(/(\/home\/|\/root\/|\/Users\/|\.cargo\/registry|file:\/\/)[\w./-]{0,40}/);
    assert.equal(found?.[0], undefined, name);
  }
});
