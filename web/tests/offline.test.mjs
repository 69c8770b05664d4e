// Without a network, after the first visit: the whole path from pictures to an exported model.

import assert from "node:assert/strict";
import { test } from "node:test";
import { suite, top } from "./support/app.mjs";
import { unseenShapes } from "./support/fixtures.mjs";

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
