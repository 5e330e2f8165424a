// A phone as a sensor: motion becomes labelled readings and a model, and the page says what keeps it from that.

import assert from "node:assert/strict";
import { test } from "node:test";

import { violations } from "./lib/axe.mjs";
import { openPage, waitFor, waitForSnapshot, waitForText } from "./lib/browser.mjs";
import { runServer } from "./lib/server.mjs";
import { withBrowser } from "./lib/setup.mjs";

const open = withBrowser();
const NO_REPLAY = ["--no-replay"];

/** Gives the browser motion sensors and moves them until the test ends: at rest, or shaken as by steps. */
async function moveDevice(t, page) {
  const device = { is_shaken: false };
  const session = await page.createCDPSession();
  const types = ["accelerometer", "linear-acceleration", "gyroscope"];
  for (const type of types) {
    await session.send("Emulation.setSensorOverrideEnabled", { enabled: true, type, metadata: { available: true, maximumFrequency: 60, minimumFrequency: 1 } });
  }
  let is_over = false;
  t.after(() => (is_over = true));
  (async () => {
    for (let idx = 0; !is_over; idx += 1) {
      const swing = device.is_shaken ? 6 * Math.sin(idx * 0.7) : 0.02 * Math.sin(idx);
      const readings = [{ x: swing / 2, y: 0.01, z: 9.81 + swing }, { x: swing / 2, y: 0.01, z: swing }, { x: swing / 5, y: swing / 50, z: 0.002 }];
      await Promise.all(types.map((type, i) => session.send("Emulation.setSensorOverrideReadings", { type, reading: { xyz: readings[i] } })));
    }
  })().catch((error) => is_over || /closed/i.test(error.message) || assert.fail(error));
  return device;
}

function text(page, selector) {
  return page.$eval(selector, (element) => element.textContent);
}

/** Waits until the page's sentence matches. */
function waitForState(page, pattern) {
  return waitForText(page, "#state", pattern);
}

/** Notes every sentence that the page says from now on: some pass too quickly to be met by looking now and then. */
async function noteStates(page) {
  const said = await page.evaluateHandle(() => {
    const said = [];
    new MutationObserver(() => said.push(document.getElementById("state").textContent)).observe(document.getElementById("state"), { childList: true });
    return said;
  });
  return () => said.jsonValue();
}

/** Presses a label's button and lets go of it at once, however long the page takes to hear of that. */
async function tap(page, label) {
  const button = await page.waitForSelector(`#labels button[data-label="${label}"]`);
  const { x, y } = await button.clickablePoint();
  await page.mouse.move(x, y);
  await Promise.all([page.mouse.down(), page.mouse.up()]);
}

test("motion with labels becomes readings on /live, and a model that labels what follows", async (t) => {
  const { server, page } = await open(t, NO_REPLAY, { path: "phone", width: 360 });
  const device = await moveDevice(t, page);
  assert.match(await text(page, "#state"), /Not sending/);
  await page.$eval("#name", (input) => (input.value = "pocket"));
  await page.click("#start");
  await waitForState(page, /Sending, without a label/);

  const viewer = await openPage(page.browser(), `${server.url}?source=pocket`);
  t.after(() => viewer.page.close());
  // Chromium gives a page in the background no timers to speak of.
  await page.bringToFront();
  await tap(page, "still");
  await waitForState(page, /labelled “still”/);
  await page.waitForFunction(() => Number.parseInt(document.querySelector('[data-label="still"] small').textContent, 10) >= 40);
  device.is_shaken = true;
  await tap(page, "walking");
  await page.waitForFunction(() => Number.parseInt(document.querySelector('[data-label="walking"] small').textContent, 10) >= 60);
  await tap(page, "walking");
  await waitForState(page, /without a label/);

  const snapshot = await waitForSnapshot(viewer.page, "labels by a model of the phone's own", (s) => s.labelled > 50 && s.now?.class === s.source.classes.indexOf("walking"));
  assert.deepEqual(snapshot.source.classes, ["still", "walking"]);
  assert.deepEqual(snapshot.source.features.map(({ name }) => name), [
    "acceleration.x", "acceleration.y", "acceleration.z", "with_gravity.x", "with_gravity.y", "with_gravity.z",
    "rotation.alpha", "rotation.beta", "rotation.gamma", "last_second.shake", "last_second.turn",
  ]);
  assert.match(snapshot.model.description, /trained from \d+ labelled readings of pocket/);
  await page.waitForFunction(() => Number(document.getElementById("n-taken").textContent) > 100);
  await page.waitForFunction(() => Number(document.getElementById("rate").textContent) > 0);
  assert.equal(await text(page, "#complaint"), "");
  assert.equal(await text(page, "#n-dropped"), "0");

  await page.click("#start");
  await waitForState(page, /Not sending/);
  assert.deepEqual(viewer.problems, []);
});

test("a label is also held, pressed by key, and added", async (t) => {
  const { page } = await open(t, NO_REPLAY, { path: "phone", width: 360 });
  await moveDevice(t, page);
  await page.click("#start");
  await waitForState(page, /without a label/);
  const button = await page.waitForSelector('#labels button[data-label="walking"]');
  const { x, y } = await button.clickablePoint();
  await page.mouse.move(x, y);
  await page.mouse.down();
  await waitForState(page, /labelled “walking”/);
  // Longer than a tap; the count shows that time has passed.
  await page.waitForFunction(() => Number.parseInt(document.querySelector('[data-label="walking"] small').textContent, 10) >= 50);
  await page.mouse.up();
  await waitForState(page, /without a label/);
  await page.type("#new-label", "sitting");
  await page.keyboard.press("Enter");
  await page.focus('#labels button[data-label="sitting"]');
  await page.keyboard.press("Enter");
  await waitForState(page, /labelled “sitting”/);
  await page.keyboard.press("Enter");
  await waitForState(page, /without a label/);
});

test("a cut connection is made again, and what the server says against readings is shown", async (t) => {
  const { relay, page } = await open(t, [...NO_REPLAY, "--max-rate", "5"], { path: "phone", relayed: true, expected_problem: /WebSocket/ });
  await moveDevice(t, page);
  await page.click("#start");
  await waitForState(page, /Sending/);
  await waitForText(page, "#complaint", /5/);
  const said = await noteStates(page);
  relay.cut();
  await waitFor(page, "the loss, and the way back", said, (states) => /The connection was lost/.test(states[0]) && /Sending/.test(states.at(-1)));
  assert.ok(relay.seen.connections >= 2);
});

test("a device without sensors, a plain address of another machine, and a name that is none are told apart", async (t) => {
  const { page } = await open(t, NO_REPLAY, { path: "phone" });
  await page.$eval("#name", (input) => (input.value = "not a name"));
  await page.click("#start");
  assert.match(await text(page, "#state"), /Not sending/);
  assert.equal(await page.$eval("#name", (input) => input.validity.valid), false);
  await page.$eval("#name", (input) => (input.value = "desk"));
  const said = await noteStates(page);
  await page.click("#start");
  await waitForState(page, /no motion comes/);
  assert.ok((await said()).some((state) => state.includes("no motion events yet")));

  const insecure = () => Object.defineProperty(window, "isSecureContext", { value: false });
  const other = await openPage(page.browser(), page.url(), { instrument: insecure });
  t.after(() => other.page.close());
  assert.match(await text(other.page, "#state"), /only to pages over https/);
  assert.equal(await other.page.$eval("#start", (button) => button.disabled), true);
});

test("a hidden page stops and says so, and goes on when it is seen again", async (t) => {
  const hide = () => {
    window.is_hidden = false;
    Object.defineProperty(document, "hidden", { get: () => window.is_hidden });
    window.setHidden = (is_hidden) => {
      window.is_hidden = is_hidden;
      document.dispatchEvent(new Event("visibilitychange"));
    };
  };
  const { relay, page } = await open(t, NO_REPLAY, { path: "phone", relayed: true, instrument: hide });
  await moveDevice(t, page);
  await page.click("#start");
  await waitForState(page, /Sending/);
  await page.evaluate(() => window.setHidden(true));
  await waitForState(page, /Paused: a hidden page/);
  await waitFor(page, "the end of the connection, without which nothing can be sent", relay.n_open, (n) => n === 0);
  await page.evaluate(() => window.setHidden(false));
  await waitForState(page, /Sending/);
  assert.equal(relay.seen.connections, 2);
});

test("the token of the address is taken out of it and sent as the first message", async (t) => {
  const { relay, page } = await open(t, NO_REPLAY, { path: "phone#token=s3cret", relayed: true });
  await moveDevice(t, page);
  assert.equal(new URL(page.url()).hash, "");
  await page.click("#start");
  await waitForState(page, /Sending/);
  const first = await waitFor(page, "a message", () => relay.seen.first_messages, (messages) => messages.length > 0);
  assert.deepEqual(first.map((message) => JSON.parse(message)), [{ op: "auth", token: "s3cret" }]);
});

test("a server that asks for a publish token gets the one that is typed, and refuses another", async (t) => {
  const env = { RUNNEL_PUBLISH_TOKEN: "publish-0c9b8a7d6e5f" };
  const { server, page } = await open(t, NO_REPLAY, { path: "phone", env });
  await moveDevice(t, page);
  const say = async (token) => {
    await page.waitForSelector("#token", { visible: true });
    await page.$eval("#token", (input) => (input.value = ""));
    await page.type("#token", token);
    await page.click("#start");
  };
  await page.click("#start");
  await waitForState(page, /wants a publish token/);
  await say("another-token-of-some-length");
  await page.waitForFunction(() => /not the publish token/.test(document.getElementById("complaint").textContent));
  await waitForState(page, /wants a publish token, or another one/);
  await say(env.RUNNEL_PUBLISH_TOKEN);
  await waitForState(page, /Sending/);
  await page.waitForFunction(() => Number(document.getElementById("n-taken").textContent) > 0);
  assert.equal(await text(page, "#complaint"), "");
  assert.ok(!server.log().includes(env.RUNNEL_PUBLISH_TOKEN) && !page.url().includes("token"));
});

test("a QR code that no phone could use is refused with what it takes", async () => {
  const { code, stderr } = await runServer([...NO_REPLAY, "--port", "0", "--qr"]);
  assert.equal(code, 2);
  assert.match(stderr, /--bind or --host, and --tls-self-signed or --tls-cert/);
});

for (const scheme of ["light", "dark"]) {
  test(`the phone's page, ${scheme}, 360 pixels wide`, async (t) => {
    const { page } = await open(t, NO_REPLAY, { path: "phone", scheme, width: 360 });
    await moveDevice(t, page);
    assert.deepEqual(await violations(page), []);
    await page.click("#start");
    await waitForState(page, /Sending/);
    await tap(page, "walking");
    await waitForState(page, /labelled “walking”/);
    const scroll_width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(scroll_width <= 360, `the page is ${scroll_width} pixels wide`);
    assert.deepEqual(await violations(page), []);
  });
}
