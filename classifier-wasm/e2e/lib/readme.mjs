// The package's README is what these tests run: a code block under a comment with a file's name is that file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const FILE = /<!-- ([\w.-]+) -->\n```\w+\n(.*?)```/gs;
const PRINTED = /\nprints\n\n```text\n(.*?)```/s;

/** Of an installed package: its README's files by name, and what the README says that train.mjs prints. */
export function readmeOf(packageFolder) {
  const text = readFileSync(join(packageFolder, "README.md"), "utf8");
  const files = Object.fromEntries([...text.matchAll(FILE)].map(([, name, content]) => [name, content]));
  const printed = text.match(PRINTED)?.[1];
  assert.ok(printed, "the README says what its first example prints");
  return {
    printed,
    /** The content of a file, which the README must have. */
    file(name) {
      assert.ok(name in files, `the README has no ${name}, only ${Object.keys(files).join(", ")}`);
      return files[name];
    },
    names: Object.keys(files),
  };
}
