// Every example of the README, run in the environment that it is for, with the package as `npm install` leaves it.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { launch, NO_SIMD, textOf } from "./lib/browser.mjs";
import { install, node, tools } from "./lib/install.mjs";
import { readmeOf } from "./lib/readme.mjs";
import { serve } from "./lib/serve.mjs";

const PAGE =
  '<!doctype html><title>Irises</title><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>';

let installed, readme, browser;

before(async () => {
  installed = await install();
  readme = readmeOf(installed.packageFolder);
  for (const name of readme.names) installed.write(name, readme.file(name));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  installed?.remove();
});

/** Serves a folder for the time of a test. */
async function served(t, folder, types) {
  const server = await serve(folder, types);
  t.after(() => server.stop());
  return server;
}

/** The wasm files that were asked for. */
const wasmOf = (server) => server.requested.filter((path) => path.endsWith(".wasm"));

test("Node: the first example prints what the README says", async () => {
  assert.equal(await node(installed.folder, "train.mjs"), readme.printed);
});

test("Node without SIMD answers the same", async () => {
  assert.equal(await node(installed.folder, NO_SIMD, "train.mjs"), readme.printed);
});

test("Node: the package can be required", async () => {
  const script = `const { KnnModel } = require("runnel-classifier"); console.log(typeof KnnModel.fit)`;
  assert.equal(await node(installed.folder, "--no-warnings", "--input-type=commonjs", "--eval", script), "function\n");
});

test("every option that there is has its place in the README", async () => {
  const { KnnModel, OnlineKnn } = await installed.import();
  const text = readFileSync(join(installed.packageFolder, "README.md"), "utf8");
  const calls = { fit: () => KnnModel.fit(new Float64Array(1), new Uint8Array(1), { no: 1 }), OnlineKnn: () => new OnlineKnn({ no: 1 }) };
  for (const [name, call] of Object.entries(calls)) {
    const [paragraph] = text.match(new RegExp(`^Options of \`${name}\`: (.+\n)+`, "m"));
    assert.throws(call, ({ message }) => {
      const options = [...message.split(", got")[0].matchAll(/"(\w+)"/g)].map(([, option]) => option);
      assert.ok(options.length >= 8, message);
      for (const option of options) assert.ok(paragraph.includes(`\`${option}\``), `${name}: ${option}`);
      return true;
    });
  }
});

test("a page loads the model that Node saved, and one build of the WebAssembly", async (t) => {
  const server = await served(t, installed.folder);
  assert.equal(await textOf(browser, server.url, /./), "versicolor");
  assert.deepEqual(wasmOf(server), ["/node_modules/runnel-classifier/wasm/simd.wasm"]);
});

test("a page without SIMD loads the scalar build", async (t) => {
  const server = await served(t, installed.folder);
  const scalar = await launch({ engineFlags: NO_SIMD });
  t.after(() => scalar.close());
  assert.equal(await textOf(scalar, server.url, /./), "versicolor");
  assert.deepEqual(wasmOf(server), ["/node_modules/runnel-classifier/wasm/scalar.wasm"]);
});

test("a page works where the server does not know the type of wasm files", async (t) => {
  const server = await served(t, installed.folder, { ".wasm": "application/octet-stream" });
  assert.equal(await textOf(browser, server.url, /./), "versicolor");
});

test("a worker answers a batch, imported by its address", async (t) => {
  const worker = readme.file("worker.js").replace('"runnel-classifier"', '"./node_modules/runnel-classifier/browser.js"');
  const folder = join(installed.folder, "worker-page");
  mkdirSync(folder);
  cpSync(installed.path("node_modules"), join(folder, "node_modules"), { recursive: true });
  cpSync(installed.path("irises.safetensors"), join(folder, "irises.safetensors"));
  installed.write("worker-page/worker.js", worker);
  installed.write("worker-page/main.js", readme.file("page.js"));
  installed.write("worker-page/index.html", PAGE);
  const server = await served(t, folder);
  assert.equal(await textOf(browser, server.url, /classes/), "classes 0, 2");
});

/** A project of its own: a page, its scripts, and the model that Node saved. */
function viteProject(name, files) {
  const root = join(installed.folder, name);
  mkdirSync(join(root, "public"), { recursive: true });
  cpSync(installed.path("irises.safetensors"), join(root, "public/irises.safetensors"));
  for (const [file, text] of Object.entries({ "index.html": PAGE, ...files })) installed.write(`${name}/${file}`, text);
  return root;
}

const projects = [
  ["main", () => ({ "main.js": readme.file("main.js") }), /class/, "class 1 of 2"],
  ["worker", () => ({ "main.js": readme.file("page.js"), "worker.js": readme.file("worker.js") }), /classes/, "classes 0, 2"],
];

for (const [name, files, pattern, expected] of projects) {
  test(`Vite builds the ${name} example`, async (t) => {
    const root = viteProject(`vite-build-${name}`, files());
    await node(root, join(tools, "vite/bin/vite.js"), "build", "--logLevel", "warn");
    const server = await served(t, join(root, "dist"));
    assert.equal(await textOf(browser, server.url, pattern), expected);
    assert.equal(wasmOf(server).length, 1, `${wasmOf(server)}`);
  });

  test(`Vite serves the ${name} example while it is written`, async (t) => {
    const root = viteProject(`vite-dev-${name}`, files());
    const { createServer } = await import(pathToFileURL(join(tools, "vite/dist/node/index.js")).href);
    const server = await createServer({ root, logLevel: "error", server: { host: "127.0.0.1", port: 0 } });
    t.after(() => server.close());
    await server.listen();
    const { port } = server.httpServer.address();
    assert.equal(await textOf(browser, `http://127.0.0.1:${port}/`, pattern), expected);
  });
}
