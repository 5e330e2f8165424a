// A case as `baselines prepare` wrote it; src/native/case.rs lists its files.

/** Reads a case: its training rows in `form`, or nothing of them, and its queries. `n_training` cuts the rows. */
export async function loadCase(platform, name, form, { recorded = false, needs_no_rows = false, n_training } = {}) {
  const about = JSON.parse(new TextDecoder().decode(await platform.file(name, "case.json")));
  const f64 = async (file) => new Float64Array(await platform.file(name, file));
  const u32 = async (file) => new Uint32Array(await platform.file(name, file));
  const given = recorded ? "raw" : form;
  const n_rows = Math.min(n_training ?? Infinity, about.n_training);
  const { n_features, n_classes } = about;
  const values = needs_no_rows ? null : await f64(`training.${given}.f64`);
  const labels = needs_no_rows ? null : await u32("training.labels.u32");
  return {
    about,
    training: {
      n_features,
      n_classes,
      values: values && (n_rows < about.n_training ? values.slice(0, n_rows * n_features) : values),
      labels: labels && labels.slice(0, n_rows),
    },
    queries: await f64(`queries.${given}.f64`),
    query_labels: await u32("queries.labels.u32"),
    truth: n_rows < about.n_training ? null : await u32(`truth.${form}.u32`),
  };
}
