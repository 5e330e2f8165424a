// The package as its users get it: `npm pack`'s file, installed in an empty folder.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

export const execute = promisify(execFile);

const here = dirname(fileURLToPath(import.meta.url));

/** `cargo xtask package` names it. */
const tarball = process.env.RUNNEL_PACKAGE ?? resolve(here, "../../../dist/runnel-classifier-0.1.0.tgz");

/** The tests' own tools, which are not installed beside the package. */
export const tools = resolve(here, "../node_modules");

/** Runs a Node script in `cwd` and returns what it prints; rejects if it fails. */
export async function node(cwd, ...args) {
  const { stdout } = await execute(process.execPath, args, { cwd, maxBuffer: 1 << 26 });
  return stdout;
}

/** Installs the package in an empty folder that `remove` takes away again. */
export async function install() {
  const folder = mkdtempSync(join(tmpdir(), "runnel-package-"));
  const write = (name, text) => writeFileSync(join(folder, name), text);
  write("package.json", JSON.stringify({ name: "empty", private: true, type: "module" }));
  await execute("npm", ["install", "--no-audit", "--no-fund", tarball], { cwd: folder });
  const packageFolder = join(folder, "node_modules/runnel-classifier");
  return {
    folder,
    packageFolder,
    write,
    path: (name) => join(folder, name),
    /** What `import … from "runnel-classifier"` gives in that folder. */
    import: () => import(pathToFileURL(join(packageFolder, "node.js")).href),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
