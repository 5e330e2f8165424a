// What is not a model given to `KnnModel.load`, and what is not the WebAssembly given to `init`: what comes from
// servers, mostly.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { install, node } from "./lib/install.mjs";

const HTML = "<!doctype html>\n<title>Single page</title>";

/** The smallest WebAssembly module, which exports nothing. */
const OTHER_WASM = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

let installed, KnnModel, model, server, url;

before(async () => {
  installed = await install();
  ({ KnnModel } = await installed.import());
  model = KnnModel.fit(new Float64Array([0, 1, 8, 9]), new Uint8Array([0, 0, 1, 1]), { nFeatures: 1, k: 1 });
  const wasm = readFileSync(join(installed.packageFolder, "wasm/scalar.wasm"));
  // As single-page apps are served: whatever is not there is the page, with status 200.
  const files = {
    "/right.wasm": ["application/wasm", wasm],
    "/untyped.wasm": ["text/plain", wasm],
    "/text.wasm": ["application/wasm", "hello"],
    "/other.wasm": ["application/wasm", OTHER_WASM],
  };
  server = createServer((request, response) => {
    const [type, content] = files[request.url] ?? ["text/html", HTML];
    response.writeHead(200, { "content-type": type }).end(content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${server.address().port}`;
});

after(() => {
  server?.closeAllConnections();
  server?.close();
  installed?.remove();
});

test("a file that is something else is refused with how it begins, and where it came from", async () => {
  const refused = async (source, message) => assert.rejects(KnnModel.load(await source), { name: "Error", message });
  const file = "source: expected a safetensors file";
  await refused(new TextEncoder().encode(HTML), `${file}, but it begins with "<!doctype html>\\n": an HTML page`);
  await refused(fetch(`${url}/a.safetensors`), `${file} at ${url}/a.safetensors, but it begins with "<!doctype html>\\n": an HTML page`);
  await refused(new TextEncoder().encode('{ "error": 500, "text": "no such model" }'), `${file}, but it begins with "{ \\"error\\": 500, "`);
  await refused(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0]), `${file}, but it begins with "\ufffdPNG\\r\\n\\u001a\\n\\u0000"`);
  await refused(OTHER_WASM.buffer, /, but it begins with "\\u0000asm/);
  await refused(gzipSync(model.save()), /, but it begins with "\\u001f/);
  await refused(new Uint8Array(0), `${file}, but it is empty`);
  await refused(new Response(null, { status: 204 }), `${file}, but it is empty`);
  await refused(model.save().subarray(0, 5), /, but it begins with "/);
  await refused(model.save().subarray(0, -1), /^source: expected a safetensors file, but /);
});

test("a response that is none is refused with its status, if it has one", async () => {
  const refused = (source, actual) =>
    assert.rejects(KnnModel.load(source), { name: "Error", message: `source: expected a model file, got ${actual}` });
  await refused(new Response("", { status: 404, statusText: "Not Found" }), "404 Not Found");
  await refused(new Response("", { status: 503 }), "503");
  await refused(Response.error(), "a fetch that failed, without an HTTP status");
});

test("a file chosen in a form loads, and says how far it is", async () => {
  const bytes = model.save();
  for (const source of [new Blob([bytes]), new File([bytes], "line.safetensors")]) {
    const told = [];
    const loaded = await KnnModel.load(source, (...progress) => told.push(progress));
    assert.deepEqual(loaded.save(), bytes);
    assert.deepEqual(told.at(-1), [bytes.length, bytes.length]);
    assert.deepEqual((await KnnModel.load(Promise.resolve(source))).save(), bytes);
  }
});

test("sources that were used up are told from wrong ones", async () => {
  const kinds = "a Uint8Array, an ArrayBuffer, a Blob or a Response";
  const refused = (source, message) => assert.rejects(KnnModel.load(source), { name: "TypeError", message });
  const read = new Response(model.save());
  await read.arrayBuffer();
  await refused(read, "source: expected a Response that nobody has read, got one that was read already");
  const locked = new Response(model.save());
  locked.body.getReader();
  await refused(locked, "source: expected a Response that nobody has read, got one that was read already");
  const bytes = model.save();
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  await refused(bytes, `source: expected ${kinds}, got a detached Uint8Array`);
  await refused(bytes.buffer, `source: expected ${kinds}, got a detached ArrayBuffer`);
  await refused(new DataView(new ArrayBuffer(9)), `source: expected ${kinds}, got DataView`);
});

test("a method that is called on something else says so, also where the scripts are bundled", async () => {
  const script = `
    import { readFileSync } from "node:fs";
    import { init, KnnModel, OnlineKnn } from "./node_modules/runnel-classifier/browser.js";
    await init(readFileSync("node_modules/runnel-classifier/wasm/scalar.wasm"));
    const model = KnnModel.fit(new Float64Array([0, 1]), new Uint8Array([0, 1]), { nFeatures: 1, k: 1 });
    const rows = new OnlineKnn({ nFeatures: 1, nClasses: 1 });
    const said = (call) => { try { call(); } catch (error) { console.log(error.name, error.message); } };
    said(() => model.predict.call(undefined, [1]));
    said(() => model.neighbours.call(rows, [1]));
    said(() => model.free.call({}));
    said(() => rows.insert.call(null, [1], 0));
    said(() => rows.predict.call(model, [1]));
    said(() => rows.free.call(5));
  `;
  installed.write("receivers.mjs", script);
  assert.deepEqual((await node(installed.folder, "receivers.mjs")).trimEnd().split("\n"), [
    "TypeError predict: expected to be called on a KnnModel, got undefined",
    "TypeError neighbours: expected to be called on a KnnModel, got OnlineKnn",
    "TypeError free: expected to be called on a KnnModel, got Object",
    "TypeError insert: expected to be called on an OnlineKnn, got null",
    "TypeError predict: expected to be called on an OnlineKnn, got KnnModel",
    "TypeError free: expected to be called on an OnlineKnn, got 5",
  ]);
});

test("`init` says what it got instead of the WebAssembly, and may be called again", async () => {
  const script = `
    import { init, KnnModel } from "./node_modules/runnel-classifier/browser.js";
    const url = process.argv[2];
    const other = new Uint8Array([${OTHER_WASM}]);
    const sources = [
      5, {}, null, "/simd.wasm", url + "/spa/simd.wasm", new URL(url + "/text.wasm"), url + "/other.wasm", other,
      new WebAssembly.Module(other), other.subarray(0, 4), new Uint8Array(0), "http://127.0.0.1:1/simd.wasm",
      new Response("", { status: 404, statusText: "Not Found" }), new Response("", { status: 503 }), Response.error(),
      Promise.reject(new TypeError("fetch failed")), Promise.reject("gone"), Promise.reject(undefined),
    ];
    // Some are rejected long before their turn.
    for (const source of sources) source?.catch?.(() => {});
    for (const source of sources) await init(source).catch((error) => console.log(error.name, error.message));
    await init(url + process.argv[3]);
    const model = KnnModel.fit(new Float64Array([0, 1]), new Uint8Array([0, 1]), { nFeatures: 1, k: 1 });
    console.log(model.predict([0.9]));
  `;
  installed.write("init.mjs", script);
  const ours = "init: expected this package's WebAssembly";
  for (const right of ["/right.wasm", "/untyped.wasm"]) {
    const printed = (await node(installed.folder, "init.mjs", url, right)).trimEnd().split("\n");
    const expected = [
      `Error ${ours}, got 5`,
      `Error ${ours}, got Object`,
      `Error ${ours}, got null`,
      `Error ${ours} at /simd.wasm, got `,
      `Error ${ours} at ${url}/spa/simd.wasm, got what begins with "<!doctype html>\\n": an HTML page`,
      `Error ${ours} at ${url}/text.wasm, got `,
      `Error ${ours} at ${url}/other.wasm, got another module`,
      `Error ${ours}, got another module`,
      `Error ${ours}, got another module`,
      `Error ${ours}, got `,
      `Error ${ours}, got nothing`,
      `Error ${ours} at http://127.0.0.1:1/simd.wasm, got `,
      `Error ${ours}, got 404 Not Found`,
      `Error ${ours}, got 503`,
      `Error ${ours}, got a fetch that failed, without an HTTP status`,
      `Error ${ours}, got fetch failed`,
      `Error ${ours}, got "gone"`,
      `Error ${ours}, got undefined`,
      "1",
    ];
    assert.deepEqual(printed.map((line, i) => (expected[i]?.endsWith(", got ") ? line.slice(0, expected[i].length) : line)), expected);
  }
});
