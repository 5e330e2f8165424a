// index.d.ts as users' compilers read it, and the package's own scripts against it.

import assert from "node:assert/strict";
import { cpSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { install, node, tools } from "./lib/install.mjs";
import { readmeOf } from "./lib/readme.mjs";

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  allowJs: true,
  checkJs: true,
  target: "es2022",
  lib: ["es2023", "dom", "dom.iterable"],
  types: ["node"],
};

let installed, readme;

before(async () => {
  installed = await install();
  readme = readmeOf(installed.packageFolder);
  symlinkSync(join(tools, "@types"), installed.path("node_modules/@types"));
  symlinkSync(join(tools, "undici-types"), installed.path("node_modules/undici-types"));
});

after(() => installed?.remove());

/** Runs tsc over `files`; what it finds wrong fails the test. */
async function compiles(files, options) {
  installed.write("tsconfig.json", JSON.stringify({ compilerOptions: { ...STRICT, ...options }, files }));
  await node(installed.folder, join(tools, "typescript/bin/tsc"), "--project", "tsconfig.json").catch((error) =>
    assert.fail(error.stdout || error.message),
  );
}

for (const [module, moduleResolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]]) {
  test(`every example of the README is typed, resolved as ${moduleResolution} does`, async () => {
    const files = readme.names.map((name) => {
      const [, script] = readme.file(name).match(/<script type="module">(.*?)<\/script>/s) ?? [null, readme.file(name)];
      const file = name.replace(/\.html$/, ".html.mjs");
      installed.write(file, script);
      return file;
    });
    await compiles(files, { module, moduleResolution });
  });
}

test("types say what is given and refuse what the code refuses", async () => {
  installed.write(
    "usage.ts",
    `
    import { init, KnnModel, type FitInSlicesOptions, type FitOptions, type Neighbours, type OnlineOptions } from "runnel-classifier";
    const ready: Promise<void> = init(new URL("https://example.org/simd.wasm"));
    const options: FitOptions = { nFeatures: 2, metric: "manhattan", weights: "distance", featureWeights: [1, 2] };
    using model: KnnModel = KnnModel.fit(new Float32Array(4), new Uint8Array(2), options);
    const id: number = model.predict([1, 2]);
    const ids: Uint32Array = model.predictBatch(new Float64Array(4));
    const { rows, distances }: Neighbours = model.neighbours(new Float64Array(2));
    const sum: number = rows[0]! + distances[0]! + id + ids[0]! + model.classShares([1, 2])[0]!;
    const loaded: Promise<KnnModel> = KnnModel.load(model.save(), (loaded, total) => loaded / (total ?? 1));
    const response: Response = new Response(model.save());
    const chosen: Promise<KnnModel> = KnnModel.load(new File([model.save()], "irises.safetensors"));
    type LeftOut<T> = { [Name in keyof T]-?: {} extends Pick<T, Name> ? undefined : T[Name] };
    const slices = (options: LeftOut<FitInSlicesOptions>): FitInSlicesOptions => options;
    const online = (options: LeftOut<OnlineOptions>): OnlineOptions => options;
    // @ts-expect-error: nFeatures is required
    KnnModel.fit(new Float32Array(4), new Uint8Array(2), {});
    // @ts-expect-error: rows are flat
    KnnModel.fit([[1, 2]], new Uint8Array(2), options);
    // @ts-expect-error: labels are not negative
    KnnModel.fit(new Float32Array(4), new Int32Array(2), options);
    // @ts-expect-error: another metric
    KnnModel.fit(new Float32Array(4), new Uint8Array(2), { nFeatures: 2, metric: "cosine" });
    // @ts-expect-error: a misspelt option
    KnnModel.fit(new Float32Array(4), new Uint8Array(2), { nFeatures: 2, neighbours: 3 });
    // @ts-expect-error: a query is not a number
    model.predict(1);
    // @ts-expect-error: batches are typed arrays
    model.predictBatch([1, 2]);
    // @ts-expect-error: made by fit or load
    new KnnModel();
    // @ts-expect-error: read only
    model.k = 3;
    export { ready, sum, loaded, response, chosen, slices, online };
    `,
  );
  await compiles(["usage.ts"], { module: "nodenext", moduleResolution: "nodenext", target: "es2022", checkJs: false });
});

test("the scripts do what index.d.ts says", async () => {
  // Beside the declarations the scripts themselves would not be looked at, so that this is a copy. That of the package has
  // its browser.js bundled, without the types.
  cpSync(installed.packageFolder, installed.path("copy"), { recursive: true });
  cpSync(join(tools, "../../npm/browser.js"), installed.path("copy/browser.js"));
  const bindings = readFileSync(installed.path("copy/wasm/bindings.js"), "utf8");
  installed.write("copy/wasm/bindings.js", `// @ts-nocheck: generated\n${bindings}`);
  installed.write(
    "agreement.ts",
    `
    import type * as declared from "./copy/index.d.ts";
    import * as browser from "./copy/browser.js";
    import * as node from "./copy/node.js";
    type Static = Pick<typeof declared.KnnModel, "fit" | "fitInSlices" | "load">;
    type Members = Omit<declared.KnnModel, typeof Symbol.dispose>;
    const init: typeof declared.init = browser.init;
    const initHere: typeof declared.init = node.init;
    const fits: Static["fit"] = (...given): any => browser.KnnModel.fit(...given) satisfies Members;
    const loads: Static["load"] = (...given): any => browser.KnnModel.load(...given) satisfies Promise<Members>;
    const slices: Static["fitInSlices"] = (...given): any => browser.KnnModel.fitInSlices(...given) satisfies Promise<Members>;
    type Online = Omit<declared.OnlineKnn, typeof Symbol.dispose>;
    const online = (options: declared.OnlineOptions): Online => new browser.OnlineKnn(options);
    export { init, initHere, fits, loads, slices, online };
    `,
  );
  await compiles(["agreement.ts"], { module: "esnext", moduleResolution: "bundler", allowImportingTsExtensions: true });
});
