// Beyond the head: varied copies and unfrozen blocks, in training and everywhere the model is used after it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { suite, top, until } from "./support/app.mjs";
import { SHAPES, shapes, unseenShapes } from "./support/fixtures.mjs";

const open = suite();

const slider = (app) => app.train.getByRole("slider", { name: "Unfrozen blocks", exact: true });

test("unfrozen blocks are trained, say what they cost, and are used, kept and saved", { timeout: 240_000 }, async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.event("sample_embedded", 24);
  await app.openSettings();
  assert.match(await app.train.locator("output").innerText(), /only the head/);
  await slider(app).fill("2");
  const cost = await app.train.locator("output").innerText();
  assert.match(cost, /2 blocks: 1\.\d million numbers are trained/);
  await app.set({ Epochs: 10, "Fine-tuning epochs": 3 });
  await app.runTraining(180_000);
  const record = await app.record();
  assert.equal(record.settings.fine_tuning.blocks, 2);
  assert.equal(record.history.length, 13, "the head's epochs and those of the blocks");
  assert.equal(record.history.at(-1).epoch, 13);

  const before = await app.classify(unseenShapes("Stars")[0]);
  assert.equal(top(before), "Stars");
  const exact = (await app.events("prediction")).at(-1).body.probabilities;
  await app.saved();
  await app.reload();
  await app.event("ready");
  await app.check.getByRole("table", { name: "Confusion matrix" }).waitFor();
  await app.classify(unseenShapes("Stars")[0]);
  const again = (await app.events("prediction")).at(-1).body.probabilities;
  exact.forEach((value, at) => assert.ok(Math.abs(value - again[at]) < 1e-5, `${value} ${again[at]}`));

  const [download] = await Promise.all([
    app.page.waitForEvent("download"),
    app.page.getByRole("button", { name: "Save project", exact: true }).click(),
  ]);
  const other = await open(t);
  await other.event("ready");
  await other.page.getByLabel("Open project", { exact: true }).setInputFiles(await download.path());
  for (const name of SHAPES) await other.hasImages(name, shapes(name).length);
  await other.event("ready");
  await other.check.getByRole("table", { name: "Confusion matrix" }).waitFor();
  await other.classify(unseenShapes("Stars")[0]);
  const elsewhere = (await other.events("prediction")).at(-1).body.probabilities;
  exact.forEach((value, at) => assert.ok(Math.abs(value - elsewhere[at]) < 1e-5, `${value} ${elsewhere[at]}`));
});

test("Stop ends fine-tuning within a second, and the model from before stays", { timeout: 240_000 }, async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.set({ Epochs: 5 });
  await app.runTraining();
  await slider(app).fill("4");
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

test("images are varied as the preview shows, and nothing is measured on the copies", { timeout: 120_000 }, async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.event("sample_embedded", 24);
  await app.openSettings();
  const varied = app.train.getByRole("img", { name: /Varied copy/ });
  assert.equal(await varied.count(), 0);
  await app.train.getByRole("checkbox", { name: "Learn from varied copies, too", exact: true }).check();
  await until(async () => (await varied.count()) === 6, "six copies");
  const pictures = () => varied.evaluateAll((all) => Promise.all(all.map(async ({ src }) => (await (await fetch(src)).arrayBuffer()).byteLength)));
  const first = await pictures();
  await app.train.getByRole("checkbox", { name: "Turn a little", exact: true }).check();
  await until(async () => JSON.stringify(await pictures()) !== JSON.stringify(first), "other copies");
  await app.set({ Epochs: 10, "Copies of each image": 2 });
  await app.runTraining();
  const record = await app.record();
  assert.equal(record.settings.augmentation.copies, 2);
  assert.equal(record.split.train + record.split.validation, 24, "copies are not counted as images");
  assert.equal(top(await app.classify(unseenShapes("Circles")[0])), "Circles");
});
