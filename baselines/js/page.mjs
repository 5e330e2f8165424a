// Jobs in a page; bundled by build-page.mjs and driven by lib/chromium.mjs.

import { resolutionMicros } from "./clock.mjs";
import { drivers } from "./drivers/index.mjs";
import { runJob } from "./jobs.mjs";

const now = () => performance.now();
let wasm;

const platform = {
  name: "Chromium",
  now,
  resolution_micros: resolutionMicros(now),
  flask_url: null,
  tfjs_wasm_folder: "/tfjs/",
  async file(case_name, file) {
    const answer = await fetch(`/data/${case_name}/${file}`);
    if (!answer.ok) throw new Error(`${file} of ${case_name}: ${answer.status}`);
    return answer.arrayBuffer();
  },
  wasm() {
    wasm ??= loadWasm();
    return wasm;
  },
  async memory() {
    if (!globalThis.crossOriginIsolated || !performance.measureUserAgentSpecificMemory) return {};
    const { bytes } = await performance.measureUserAgentSpecificMemory();
    return { page_bytes: bytes };
  },
};

async function loadWasm() {
  // Not bundled: a variable keeps esbuild from looking.
  const address = "/wasm/baselines.js";
  const module = await import(address);
  const { memory } = await module.default();
  return { ...module, memory };
}

/** The adapters that TensorFlow.js could use, `null` where there is none or only software. */
globalThis.adapters = async () => {
  const context = new OffscreenCanvas(1, 1).getContext("webgl2");
  const debug = context?.getExtension("WEBGL_debug_renderer_info");
  const gpu = await navigator.gpu?.requestAdapter();
  return {
    webgl: context ? context.getParameter(debug ? debug.UNMASKED_RENDERER_WEBGL : context.RENDERER) : null,
    webgpu: gpu ? [gpu.info?.vendor, gpu.info?.architecture, gpu.info?.description].filter(Boolean).join(" ") || "unnamed" : null,
    is_isolated: globalThis.crossOriginIsolated,
    resolution_micros: platform.resolution_micros,
  };
};

globalThis.runJob = (job, flask_url) => runJob(job, { ...platform, flask_url }, drivers);
globalThis.ready = true;
