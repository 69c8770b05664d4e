// What has to happen within a certain time.
// Takes about 30 s.
// Runs alone: a test beside it would take the time that is measured.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { suite, top, until } from "./support/app.mjs";
import { FAKE_CAMERA } from "./support/browser.mjs";
import { recordFor, turnOn } from "./support/camera.mjs";
import { film } from "./support/film.mjs";
import { filesIn, unseenShapes } from "./support/fixtures.mjs";

const open = suite([...FAKE_CAMERA, film([readFileSync(filesIn("exif")[0])], 60)]);

test("Stop ends a run within half a second and leaves everything usable", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.event("sample_embedded", 24);
  await app.set({ Epochs: 1000, "Batch size": 1 });
  await app.trainButton.click();
  await app.event("epoch", 2);
  await app.stopButton.click();
  const [stopped] = await app.event("training_stopped");
  const [asked] = await app.commands("stop_training");
  assert.ok(stopped.at - asked.at <= 500, `it took ${stopped.at - asked.at} ms`);
  await app.stopButton.waitFor({ state: "hidden" });
  assert.equal((await app.events("trained")).length, 0);

  await app.set({ Epochs: 5, "Batch size": 16 });
  await app.runTraining();
  assert.equal((await app.record()).history.length, 5);
});

test("images that arrive are embedded at once, so that Train need not wait", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.event("sample_embedded", 24);
  assert.equal((await app.commands("train")).length, 0);
  await app.trainButton.click();
  const [{ at: pressed }] = await app.commands("train");
  const [first] = await app.event("epoch");
  assert.ok(first.at - pressed < 1000, `the first epoch came after ${first.at - pressed} ms`);
});

test("Stop ends fine-tuning within a second, and the model from before stays", { timeout: 240_000 }, async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.set({ Epochs: 5 });
  await app.runTraining();
  await app.train.getByRole("slider", { name: "Unfrozen blocks", exact: true }).fill("4");
  await app.set({ "Fine-tuning epochs": 100 });
  await app.trainButton.click();
  await app.event("epoch", 5 + 5 + 1, 120_000);
  const pressed = Date.now();
  await app.stopButton.click();
  await app.event("training_stopped");
  assert.ok(Date.now() - pressed < 1500, `${Date.now() - pressed} ms`);
  await app.check.getByRole("table", { name: "Confusion matrix" }).waitFor();
  assert.equal(top(await app.classify(unseenShapes("Circles")[0])), "Circles");
});

test("images are recorded at the chosen rate", async (t) => {
  const app = await open(t);
  await app.nameClasses("Quarters");
  const { card, hold } = await turnOn(app, "Quarters");
  const rate = card.getByRole("slider");
  const recorded = {};
  for (const hz of [2, 10]) {
    await rate.fill(String(hz));
    const before = await app.images("Quarters").count();
    await recordFor(app, hold, 2000);
    await pause(400);
    recorded[hz] = (await app.images("Quarters").count()) - before;
  }
  assert.ok(recorded[2] >= 3 && recorded[2] <= 6, `${recorded[2]} images in two seconds at 2 a second`);
  assert.ok(recorded[10] >= 10 && recorded[10] <= 23, `${recorded[10]} images in two seconds at 10 a second`);
});

test("a reload in the middle of recording loses at most the last second", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles", "Stars");
  const { hold } = await turnOn(app, "Circles");
  await hold.hover();
  await app.page.mouse.down();
  await until(async () => (await app.images("Circles").count()) >= 8, "eight frames");
  const aSecondBefore = await app.images("Circles").count();
  await pause(1000);
  await app.reload();
  await app.page.mouse.up();
  await until(async () => (await app.images("Circles").count()) >= aSecondBefore, `at least ${aSecondBefore} frames`);
  assert.deepEqual(await app.alerts(), []);
});
