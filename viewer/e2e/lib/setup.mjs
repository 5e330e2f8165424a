// What each test needs: a browser for the file, and a server and a page that end with the test.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { launch, openPage } from "./browser.mjs";
import { startRelay } from "./relay.mjs";
import { startServer } from "./server.mjs";

/** Call once a file: its tests share one browser. */
export function withBrowser() {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  /**
   * Starts the server and opens its page, by way of a relay if asked.
   * Whatever the page reported as an error fails the test at its end, unless `expected_problem` matches it.
   */
  return async function open(t, serverArgs, { path = "", env = {}, relayed = false, expected_problem = /(?!)/, ...view } = {}) {
    const server = await startServer(serverArgs, { env });
    let relay = null;
    let opened = null;
    // One after the other, the page first: without its server it would connect again, and report that it cannot.
    t.after(async () => {
      await opened?.page.close();
      await relay?.stop();
      await server.kill();
      const unexpected = opened?.problems.filter((problem) => !expected_problem.test(problem)) ?? [];
      assert.deepEqual(unexpected, [], "the page reported errors");
    });
    if (relayed) relay = await startRelay(server.port);
    opened = await openPage(browser, (relay ?? server).url + path, view);
    return { server, relay, ...opened };
  };
}
