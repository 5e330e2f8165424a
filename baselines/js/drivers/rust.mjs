// The WebAssembly module of this folder: the paper's textbook, the plain scan that ratios are taken to, and ours.

/** Rows handed over at a time, so that the instance never holds the whole table. */
const CHUNK = 8192;

const driver = (model, more = {}) => ({
  query: (query) => model.predict(query),
  neighbours: () => model.rows(),
  close: () => model.free(),
  ...more,
});

export async function textbook({ training, k, platform }) {
  const { Textbook } = await platform.wasm();
  const { values, labels, n_features, n_classes } = training;
  return driver(new Textbook(values, labels, n_features, n_classes, k), { facts: () => wasmFacts(platform) });
}

export async function scan({ training, k, platform }) {
  const { PlainScan } = await platform.wasm();
  const { values, labels, n_features, n_classes } = training;
  return driver(new PlainScan(values, labels, n_features, n_classes, k), { facts: () => wasmFacts(platform) });
}

/** Fitted in place. */
export async function ours({ training, k, form, platform }) {
  const { OursBuilder } = await platform.wasm();
  const { values, labels, n_features, n_classes } = training;
  const builder = new OursBuilder(n_features, n_classes, k, form === "standard");
  for (let row = 0; row < labels.length; row += CHUNK) {
    builder.push(values.subarray(row * n_features, (row + CHUNK) * n_features), labels.subarray(row, row + CHUNK));
  }
  const model = builder.finish();
  return driver(model, { facts: () => wasmFacts(platform, model) });
}

/** Read from a model file, as a page does that does not train. */
export async function loaded({ case_name, form, platform }) {
  const { Ours } = await platform.wasm();
  const model = Ours.load(new Uint8Array(await platform.file(case_name, `model.${form}.safetensors`)));
  return driver(model, { facts: () => wasmFacts(platform, model) });
}

async function wasmFacts(platform, model) {
  const facts = { wasm_bytes: (await platform.wasm()).memory.buffer.byteLength };
  return model ? { ...facts, index_bytes: model.index_bytes(), describe: model.describe() } : facts;
}
