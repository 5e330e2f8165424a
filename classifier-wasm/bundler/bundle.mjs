// `node bundle.mjs FOLDER`: replaces the browser.js of a package's folder by itself and all that it imports, in as few bytes
// as the names of functions and classes allow, which stay readable where errors show them. `cargo xtask package` runs this.
//
// The other scripts stay as they are: Node reads them from disk. The addresses of the WebAssembly stay too, so that users'
// bundlers find it.

import { join } from "node:path";

import { build } from "esbuild";

const file = join(process.argv[2], "browser.js");

await build({
  entryPoints: [file],
  outfile: file,
  allowOverwrite: true,
  bundle: true,
  format: "esm",
  minify: true,
  keepNames: true,
  logLevel: "warning",
});
