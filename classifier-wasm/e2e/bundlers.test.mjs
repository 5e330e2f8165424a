// Bundling of other kinds than Vite's, which the README's own test has: addresses of files that are left as they are, bundles
// for Node, and what knows nothing of `exports`.

import assert from "node:assert/strict";
import { cpSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { build } from "esbuild";

import { launch, textOf } from "./lib/browser.mjs";
import { install, node } from "./lib/install.mjs";
import { readmeOf } from "./lib/readme.mjs";
import { serve } from "./lib/serve.mjs";

let installed, readme;

before(async () => {
  installed = await install();
  readme = readmeOf(installed.packageFolder);
  for (const name of ["main.js", "stream.mjs"]) installed.write(name, readme.file(name));
});

after(() => installed?.remove());

/** What esbuild makes of an example, in the installed package's folder. */
function bundle(example, outfile, options) {
  return build({ entryPoints: [installed.path(example)], outfile: installed.path(outfile), bundle: true, logLevel: "error", ...options });
}

test("a page's bundle finds the WebAssembly in a copy beside it, and fetches one build", async (t) => {
  await bundle("main.js", "dist/main.js", { format: "esm" });
  writeFileSync(installed.path("dist/index.html"), '<!doctype html><title>Bundle</title><script type="module" src="main.js"></script>');
  cpSync(join(installed.packageFolder, "wasm"), installed.path("dist/wasm"), { recursive: true });
  const server = await serve(installed.path("dist"));
  t.after(() => server.stop());
  const browser = await launch();
  t.after(() => browser.close());
  assert.equal(await textOf(browser, server.url, /class/), "class 1 of 2");
  assert.deepEqual(server.requested.filter((path) => path.endsWith(".wasm")), ["/wasm/simd.wasm"]);
});

test("a bundle for Node leaves the package out, or says that it has to", async () => {
  for (const format of ["esm", "cjs"]) {
    const extension = format === "esm" ? "mjs" : "cjs";
    const options = { format, platform: "node" };
    await bundle("stream.mjs", `out.${extension}`, { ...options, external: ["runnel-classifier"] });
    assert.equal(await node(installed.folder, "--no-warnings", `out.${extension}`), "0 2\n");
    // CommonJS has no `import.meta`, of which esbuild warns.
    await bundle("stream.mjs", `in.${extension}`, { ...options, logLevel: "silent" });
    await assert.rejects(
      node(installed.folder, `in.${extension}`),
      /Error: runnel-classifier: expected its WebAssembly beside its scripts, got .*: a bundle for Node has to leave this package out/,
    );
  }
});

test("what knows no `exports` finds the script for browsers", () => {
  // Of a folder that is named by its path, Node reads `main`, as Parcel does of every package.
  const { resolve } = createRequire(installed.path("any.js"));
  assert.equal(resolve(installed.packageFolder), join(installed.packageFolder, "browser.js"));
});
