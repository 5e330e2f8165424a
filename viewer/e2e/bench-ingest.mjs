// One page for `cargo xtask bench ingest`: node bench-ingest.mjs URL
//
// Opens URL in Chromium, says `ready` once the page has its source and a model, reads how many readings were sent from
// stdin, waits until the page has accounted for all of them, and prints what it made of them as JSON.

import { createInterface } from "node:readline";

import { launch, openPage, waitForSnapshot } from "./lib/browser.mjs";

const [url] = process.argv.slice(2);
const browser = await launch();
try {
  const { page } = await openPage(browser, url);
  await waitForSnapshot(page, "the source with its model", (s) => s.state === "waiting" && s.model !== null);
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const n_sent = Number(line);
    const end = await waitForSnapshot(page, "all readings", (s) => s.labelled + s.gaps.total >= n_sent);
    console.log(JSON.stringify({ labelled: end.labelled, missed: end.gaps.total, engine: end.model.engine, browser: await browser.version() }));
    break;
  }
} finally {
  await browser.close();
}
