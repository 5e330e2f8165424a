// The loops of queries are vector instructions in the one build and none in the other: no answer would tell, only a clock.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { install } from "./lib/install.mjs";

/** Bytes of instructions that nothing but the compiler's vectorizer brings in: four products of f32, four of i16. */
const PRODUCTS = { "f32x4.mul": [0xfd, 0xe6, 0x01], "i32x4.extmul_low_i16x8_s": [0xfd, 0xbc, 0x01] };

let installed;

before(async () => {
  installed = await install();
});

after(() => installed?.remove());

/** How often `bytes` hold `pattern`. */
function count(bytes, pattern) {
  let n = 0;
  for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + 1)) n += 1;
  return n;
}

test("the loops of queries are vectors, and the fallback has none", (t) => {
  for (const [name, pattern] of Object.entries(PRODUCTS)) {
    const [simd, scalar] = ["simd", "scalar"].map((build) =>
      count(readFileSync(join(installed.packageFolder, `wasm/${build}.wasm`)), Buffer.from(pattern)),
    );
    t.diagnostic(`${name}: ${simd} times, in the fallback ${scalar}`);
    assert.ok(simd >= 10, `${name}: ${simd} times`);
    assert.equal(scalar, 0, `${name} in the fallback`);
  }
});
