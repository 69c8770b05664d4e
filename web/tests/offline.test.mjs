// Without a network, after the first visit: the whole path from pictures to an exported model.
// Takes about 40 s.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { App, suite, top, until } from "./support/app.mjs";
import { launch } from "./support/browser.mjs";
import { DIST, SHAPES, shapes, unseenShapes } from "./support/fixtures.mjs";
import { serve } from "./support/server.mjs";

const open = suite();

test("collect, train, try and export work with the network off", { timeout: 180_000 }, async (t) => {
  const app = await open(t, { context: { serviceWorkers: "allow" } });
  await app.page.getByText("This page now works without a network, too.", { exact: true }).waitFor();
  await app.page.context().setOffline(true);
  await app.reload();
  await app.event("ready");
  await app.page.getByRole("button", { name: "Use the sample pictures", exact: true }).click();
  await app.event("sample_embedded", 75, 120_000);
  await app.runTraining();
  const prediction = await app.classify(unseenShapes("Circles")[0]);
  assert.equal(Object.keys(prediction).length, 4);
  assert.ok(prediction[top(prediction)] > 0.25);
  const [download] = await Promise.all([
    app.page.waitForEvent("download"),
    app.page.getByRole("button", { name: "Export model", exact: true }).click(),
  ]);
  assert.match(download.suggestedFilename(), /\.model\.zip$/);
  await app.page.context().setOffline(false);
});

test("what leaves this machine is nothing, and the list of requests says so", async (t) => {
  const app = await open(t);
  await app.event("ready");
  await app.page.getByRole("button", { name: "What leaves this machine", exact: true }).click();
  const dialog = app.page.getByRole("dialog", { name: "What leaves this machine: nothing", exact: true });
  await dialog.getByRole("cell", { name: /weights\/efficientnet-lite0\.safetensors/ }).waitFor();
  await dialog.getByText(/all of them for its own parts/).waitFor();
  await dialog.getByRole("button", { name: "Close", exact: true }).click();
});

test("a new version comes as a whole or not at all", { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "headstart-update-"));
  cpSync(DIST, folder, { recursive: true });
  const site = await serve({ "/": folder });
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await site.close();
    rmSync(folder, { recursive: true });
  });
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
  const app = await App.in(t, context, site, { expectedErrors: [/integrity/, /Failed to find a valid digest/] });
  const { page } = app;
  // Something of the page's own markup that the app does not touch.
  const version = () => page.locator('meta[name="description"]').getAttribute("content");
  await page.goto(`${site.url}/?device=cpu`);
  await page.getByText("This page now works without a network, too.", { exact: true }).waitFor();
  const first = await version();

  // The server is in the middle of an update: the list of files is new, one of the files still old.
  const old = readFileSync(join(folder, "index.html"), "utf8");
  const newer = old.replaceAll(first, `${first} anew`);
  assert.notEqual(newer, old);
  writeFileSync(join(folder, "sw.js"), update(readFileSync(join(folder, "sw.js"), "utf8"), "index.html", newer));
  await page.reload();
  await until(() => page.evaluate(isRefused), "the half-made version refused");
  await page.context().setOffline(true);
  await page.reload();
  assert.equal(await version(), first, "the version that is there goes on working as a whole");
  await page.context().setOffline(false);

  // Now everything is there.
  writeFileSync(join(folder, "index.html"), newer);
  await page.reload();
  const use = page.getByRole("button", { name: "Use it now", exact: true });
  await until(async () => {
    await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update().catch(() => {}));
    return use.isVisible();
  }, "word of the new version");
  assert.equal(await version(), first, "until the user wants it, nothing changes");
  await use.click();
  await until(async () => (await version()) === `${first} anew`, "the page loaded anew");
  await page.context().setOffline(true);
  await page.reload();
  assert.equal(await version(), `${first} anew`);
});

test("one laptop serves a class over plain http: what browsers keep for safe addresses is missing, and said", { timeout: 120_000 }, async (t) => {
  const site = await serve({ "/": DIST });
  const address = site.url.replace("127.0.0.1", "laptop.test");
  // To a browser this is the address of another machine, which is not a secure context.
  const browser = await launch(["--host-resolver-rules=MAP laptop.test 127.0.0.1"]);
  t.after(async () => {
    await browser.close();
    await site.close();
  });
  const app = await App.in(t, await browser.newContext({ viewport: { width: 1440, height: 1000 } }), { url: address });
  await app.page.goto(`${address}/`);
  assert.equal(await app.page.evaluate(() => window.isSecureContext), false);
  await app.addShapes();
  await app.class("Circles").getByRole("button", { name: "Webcam", exact: true }).click();
  await app.alert(/camera/i, /https/);
  await app.runTraining();
  assert.equal(top(await app.classify(unseenShapes("Circles")[0])), "Circles");
  await app.saved();
  await app.reload();
  for (const name of SHAPES) await app.hasImages(name, shapes(name).length);
});

// Runs in the page: whether the version that the server offers fails to install.
async function isRefused() {
  const registration = await navigator.serviceWorker.getRegistration();
  await registration.update();
  const worker = registration.installing;
  if (!worker) return false;
  while (worker.state === "installing") await new Promise((resolve) => worker.addEventListener("statechange", resolve, { once: true }));
  return worker.state === "redundant";
}

/** The service worker's script of a version in which one file is another. */
function update(script, path, content) {
  const integrity = `sha256-${createHash("sha256").update(content).digest("base64")}`;
  return script
    .replace(new RegExp(`"${path}": "[^"]*"`), `"${path}": "${integrity}"`)
    .replace(/const VERSION = "[^"]*"/, 'const VERSION = "the-next"');
}
