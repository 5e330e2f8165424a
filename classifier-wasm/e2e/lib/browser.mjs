// A real Chromium.

import puppeteer from "puppeteer-core";

// The same flags as in viewer/e2e/lib/browser.mjs: as root there is no sandbox, and nothing looks for the network.
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Without the instructions that WebAssembly's SIMD is compiled to, the engine refuses SIMD; Node knows the flag as well. */
export const NO_SIMD = "--no-enable-sse4-1";

/** What takes longer does not come: a machine that is busy with other things may take long. */
const LIMIT_MILLIS = 120_000;

export function launch({ engineFlags = "" } = {}) {
  const executablePath = process.env.RUNNEL_CHROMIUM ?? "/usr/bin/chromium";
  const flags = engineFlags ? [...args, `--js-flags=${engineFlags}`] : args;
  return puppeteer.launch({ executablePath, args: flags, headless: true, timeout: LIMIT_MILLIS });
}

/** Opens `url` and waits until its text matches; returns the text. Errors of the page reject. */
export async function textOf(browser, url, pattern) {
  const page = await browser.newPage();
  page.setDefaultTimeout(LIMIT_MILLIS);
  try {
    const problem = new Promise((_, reject) => {
      page.on("pageerror", (error) => reject(new Error(`${url}: ${error.message}`)));
      page.on("console", (message) => {
        if (message.type() === "error") reject(new Error(`${url}: ${message.text()}`));
      });
    });
    const wanted = (source) => {
      const output = document.querySelector("output");
      const text = output ? output.value : (document.body?.textContent ?? "");
      return new RegExp(source).test(text) && text.trim();
    };
    const shown = async () => {
      await page.goto(url);
      return (await page.waitForFunction(wanted, {}, pattern.source)).jsonValue();
    };
    return await Promise.race([shown(), problem]);
  } finally {
    await page.close();
  }
}
