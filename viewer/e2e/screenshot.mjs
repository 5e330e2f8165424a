// Takes the README's pictures: node screenshot.mjs FOLDER

import { join } from "node:path";

import { launch, nextFrames, openPage, waitForSnapshot } from "./lib/browser.mjs";
import { startServer } from "./lib/server.mjs";

const folder = process.argv[2];
const server = await startServer(["--dataset", "covertype", "--rate", "1000", "--loop"]);
const browser = await launch();
try {
  const { page } = await openPage(browser, server.url, { width: 1280, height: 1000 });
  // A minute fills the time line, and the accuracy has a history.
  await waitForSnapshot(page, "a minute of labels", (s) => s.state === "live" && s.labelled > 60_000);
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await nextFrames(page, 60);
    const path = join(folder, `page-${scheme}.png`);
    await page.screenshot({ path });
    console.log(`wrote ${path}`);
  }
} finally {
  await browser.close();
  await server.stop();
}
