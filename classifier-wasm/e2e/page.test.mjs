// What goes another way in a page than in Node: slices, files from forms, the fetching of the WebAssembly, what may run.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, textOf } from "./lib/browser.mjs";
import { install } from "./lib/install.mjs";
import { serve } from "./lib/serve.mjs";

let installed, browser, server;

before(async () => {
  installed = await install();
  browser = await launch();
  server = await serve(installed.folder);
});

after(async () => {
  await server?.stop();
  await browser?.close();
  installed?.remove();
});

/** What `script` puts into `lines`, in a page that has the package's names and a `said` for rejections. */
async function linesOf(name, script) {
  installed.write(
    `${name}.html`,
    `<!doctype html><title>${name}</title><output></output>
    <script type="module">
      import { init, KnnModel } from "./node_modules/runnel-classifier/browser.js";
      const lines = [];
      const said = (promise) => promise.then(String, (error) => lines.push(error.name + " " + error.message));
      ${script}
      document.querySelector("output").value = lines.join("\\n");
    </script>`,
  );
  return (await textOf(browser, `${server.url}${name}.html`, /./)).split("\n");
}

test("a timer of the page can end a fit in slices", async () => {
  const lines = await linesOf(
    "slices",
    `
    await init();
    const features = Float64Array.from({ length: 600_000 * 8 }, (_, i) => Math.sin(i * i));
    const ending = new AbortController();
    let nSlices = 0;
    const turns = setInterval(() => nSlices >= 2 && ending.abort(new Error("left")), 1);
    const options = { nFeatures: 8, signal: ending.signal, onProgress: () => (nSlices += 1) };
    await said(KnnModel.fitInSlices(features, new Uint8Array(600_000), options));
    clearInterval(turns);
    const model = await KnnModel.fitInSlices(features.subarray(0, 80), new Uint8Array(10), { nFeatures: 8 });
    lines.push(model.nRows);
    `,
  );
  assert.deepEqual(lines, ["Error left", "10"]);
});

test("a file that was chosen in a form loads", async () => {
  const lines = await linesOf(
    "file",
    `
    await init();
    const model = KnnModel.fit(new Float64Array([0, 1]), new Uint8Array([0, 1]), { nFeatures: 1, k: 1 });
    const chosen = new DataTransfer();
    chosen.items.add(new File([model.save()], "line.safetensors"));
    const input = document.createElement("input");
    input.type = "file";
    input.files = chosen.files;
    const told = [];
    const loaded = await KnnModel.load(input.files[0], (...progress) => told.push(progress));
    lines.push(loaded.predict([0.9]), told.at(-1).join() === [model.save().length, model.save().length].join());
    `,
  );
  assert.deepEqual(lines, ["1", "true"]);
});

test("`init` that finds something else says what and where, and may be called again", async () => {
  installed.write("text.wasm", "<!doctype html>");
  const lines = await linesOf(
    "init",
    `
    await said(init("./init.html"));
    await said(init("./text.wasm"));
    await init();
    lines.push(KnnModel.fit(new Float64Array(1), new Uint8Array(1), { nFeatures: 1 }).nRows);
    `,
  );
  assert.equal(lines.length, 3);
  const expected = "Error init: expected this package's WebAssembly at";
  assert.equal(lines[0], `${expected} ./init.html, got what begins with "<!doctype html><": an HTML page`);
  assert.ok(lines[1].startsWith(`${expected} ./text.wasm, got `), lines[1]);
  assert.equal(lines[2], "1");
});

test("a strict content security policy is enough, and a stricter one is told from a lost connection", async () => {
  installed.write(
    "strict.js",
    `
    import { init, KnnModel } from "./node_modules/runnel-classifier/browser.js";
    const said = await init().then(() => KnnModel.fit(new Float64Array(1), new Uint8Array(1), { nFeatures: 1 }).nRows, String);
    document.querySelector("output").value = said;
    `,
  );
  const outputUnder = (name, scripts) => {
    const policy = `default-src 'none'; script-src 'self' ${scripts}; connect-src 'self'`;
    const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
    const page = `<!doctype html>${meta}<title>${name}</title><output></output><script type="module" src="strict.js"></script>`;
    installed.write(`${name}.html`, page);
    return textOf(browser, `${server.url}${name}.html`, /./);
  };
  assert.equal(await outputUnder("strict", "'wasm-unsafe-eval'"), "1");
  assert.match(await outputUnder("stricter", ""), /^Error: init: expected .*simd\.wasm, got .*Content Security Policy/);
});
