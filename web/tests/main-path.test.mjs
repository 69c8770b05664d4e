// Collect, train, check, try on the CPU: the main job, and what must hold for it.
// Takes about 35 s.

import assert from "node:assert/strict";
import { test } from "node:test";
import { suite, top, until } from "./support/app.mjs";
import { filesIn, SHAPES, shapeEntries, shapes, unseenShapes } from "./support/fixtures.mjs";
import { checkRecord } from "./support/record.mjs";
import { zip } from "./support/zip.mjs";

const open = suite();

/** Imports shapes/ with its test images. */
async function importShapes(app) {
  await app.import({ name: "shapes.zip", mimeType: "application/zip", buffer: zip(shapeEntries()) });
  for (const name of SHAPES) await app.hasImages(name, shapes(name).length + unseenShapes(name).length);
}

test("upload, train, check, try", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.runTraining();

  await until(async () => /accuracy\s*\d+(\.\d+)?\s*%/i.test(await app.check.innerText()), "an accuracy with its percentage");

  for (const name of SHAPES) {
    for (const image of unseenShapes(name)) {
      const prediction = await app.classify(image);
      assert.deepEqual(Object.keys(prediction), SHAPES, "one meter a class, in the classes' order");
      const sum = Object.values(prediction).reduce((total, value) => total + value, 0);
      assert.ok(Math.abs(sum - 1) < 0.01, `the meters sum to ${sum}`);
      assert.equal(top(prediction), name);
    }
  }
});

test("the run record has every field, and its numbers agree with each other", async (t) => {
  const app = await open(t);
  await importShapes(app);
  await app.set({ Epochs: 12, "Batch size": 8, "Learning rate": 0.002, Seed: 5 });
  await app.runTraining();
  const record = await app.record();
  checkRecord(record);
  assert.equal(record.device, "cpu");
  assert.equal(record.backbone, "efficientnet-lite0");
  assert.equal(record.seed, 5);
  assert.equal(record.history.length, 12);
  assert.equal(record.settings.epochs, 12);
  assert.equal(record.settings.batch_size, 8);
  assert.equal(record.settings.learning_rate, 0.002);
  assert.equal(record.settings.seed, 5);
  assert.deepEqual(record.classes, SHAPES);
  assert.equal(record.split.test, 9);
  assert.equal(record.split.train + record.split.validation, 24);
  for (const ms of Object.values(record.timings_ms)) assert.ok(ms > 0, `timings: ${JSON.stringify(record.timings_ms)}`);

  const shown = (await app.check.innerText()).replace(/\s+/g, " ");
  const percentage = Number(/Test accuracy\D*?([\d.]+)\s*%/.exec(shown)?.[1]);
  assert.ok(Math.abs(percentage - 100 * record.test.accuracy) < 0.1, `${percentage} % is shown, ${record.test.accuracy} recorded`);

  const table = app.check.getByRole("table", { name: "Confusion matrix" });
  const cells = await table.locator("tbody td").allInnerTexts();
  const numbers = cells.map((text) => Number(/\d+/.exec(text)?.[0] ?? 0));
  assert.deepEqual(numbers, record.test.confusion.flat());
  for (const name of SHAPES) {
    await table.getByRole("rowheader", { name }).waitFor();
    await table.getByRole("columnheader", { name }).first().waitFor();
  }
});

test("the same seed gives the same run, another seed another one", async (t) => {
  const app = await open(t);
  await importShapes(app);
  await app.set({ Epochs: 8, Seed: 3 });
  await app.runTraining();
  const first = await app.record();
  await app.runTraining();
  const second = await app.record();
  await app.set({ Seed: 4 });
  await app.runTraining();
  const other = await app.record();

  assert.deepEqual(second.history, first.history);
  assert.deepEqual(second.test, first.test);
  assert.notDeepEqual(other.history, first.history);

  const elsewhere = await open(t);
  await importShapes(elsewhere);
  await elsewhere.set({ Epochs: 8, Seed: 3 });
  await elsewhere.runTraining();
  assert.deepEqual((await elsewhere.record()).history, first.history, "a fresh page gives the same run");
});

test("the progress bar, the curves and their text alternatives follow the run", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.event("sample_embedded", 24);
  await app.set({ Epochs: 400 });
  await app.trainButton.click();
  const bar = app.train.getByRole("progressbar", { name: "Training progress", exact: true });
  const seen = new Set();
  await until(async () => {
    // All at once: the bar may be gone a moment after it is found.
    for (const value of await bar.evaluateAll((bars) => bars.map((element) => element.getAttribute("aria-valuenow") ?? element.value))) seen.add(Number(value));
    return (await app.events("trained")).length === 1;
  }, "the run's end");
  assert.ok(seen.size >= 3, `the bar showed ${[...seen]}`);
  for (const curve of [/loss/i, /accuracy/i]) {
    const chart = app.train.getByRole("img", { name: curve }).first();
    await chart.waitFor();
    const alternative = `${await chart.getAttribute("aria-label")} ${await chart.evaluate((element) => element.textContent)}`;
    assert.match(alternative, /\d/, "the alternative has figures");
  }
});

test("a class is renamed without training again", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.runTraining();
  await app.nameClasses("Round things");
  const prediction = await app.classify(unseenShapes("Circles")[0]);
  assert.equal(top(prediction), "Round things");
  await app.check.getByRole("table", { name: "Confusion matrix" }).getByRole("rowheader", { name: "Round things" }).waitFor();
  assert.equal((await app.commands("train")).length, 1);
});

test("a class that is switched off takes no part in the next run", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.class("Squares").getByRole("switch").click();
  await app.runTraining();
  const record = await app.record();
  assert.deepEqual(record.classes, ["Circles", "Stars"]);
  const prediction = await app.classify(unseenShapes("Stars")[0]);
  assert.deepEqual(Object.keys(prediction), ["Circles", "Stars"]);
  assert.equal(top(prediction), "Stars");
  await app.hasImages("Squares", 8);
});

test("each image is embedded once: nine more images embed nine", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.runTraining();
  assert.equal((await app.events("sample_embedded")).length, 24);
  for (const name of SHAPES) await app.upload(name, unseenShapes(name));
  for (const name of SHAPES) await app.hasImages(name, 11);
  await app.event("sample_embedded", 33);
  await app.runTraining();
  assert.equal((await app.events("sample_embedded")).length, 33);
  const { split } = await app.record();
  assert.equal(split.train + split.validation, 33);
});

test("Train waits for images that are still being embedded", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.runTraining();
  assert.equal((await app.events("sample_embedded")).length, 24);
  const { split } = await app.record();
  assert.equal(split.train + split.validation, 24);
});

test("settings out of range say so and do not snap", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.set({ Epochs: 0 });
  const box = app.train.getByRole("spinbutton", { name: "Epochs", exact: true });
  await box.press("Tab");
  assert.equal(await box.inputValue(), "0");
  await until(async () => /between|at least|from 1/i.test(await app.train.innerText()), "a sentence about the range");
  await app.pressBlockedTrain();
  await app.alert(/Epochs/);
  assert.equal((await app.commands("train")).length, 0);
  await app.set({ Epochs: 5 });
  await app.runTraining();
});

test("the sample pictures train in one click to a good test accuracy", async (t) => {
  const app = await open(t);
  await app.page.getByRole("button", { name: /sample pictures/i }).first().click();
  for (const [name, count] of [["Birds", 19], ["Flowers", 19], ["Fruit", 18], ["Mammals", 19]]) await app.hasImages(name, count);
  assert.equal(await app.classes.count(), 4);
  await app.runTraining();
  const record = await app.record();
  checkRecord(record);
  assert.equal(record.split.test, 20);
  assert.ok(record.test.accuracy >= 0.9, `test accuracy ${record.test.accuracy}`);
  assert.deepEqual(await app.alerts(), []);
});

test("images of every good format are learnt from and recognised", async (t) => {
  const app = await open(t);
  await app.addShapes();
  const unusual = filesIn("formats");
  await app.upload("Stars", unusual);
  await app.hasImages("Stars", 8 + unusual.length);
  await app.event("sample_embedded", 24 + unusual.length);
  assert.deepEqual(await app.alerts(), []);
  await app.runTraining();
  for (const path of unusual.filter((path) => !/greyscale|transparent/.test(path))) {
    assert.equal(top(await app.classify(path)), "Stars", path);
  }
});
