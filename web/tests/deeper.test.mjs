// Beyond the head: varied copies and unfrozen blocks, in training and everywhere the model is used after it.
// Takes about 50 s.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { suite, top, until } from "./support/app.mjs";
import { FIXTURES, SHAPES, shapeEntries, shapes, unseenShapes } from "./support/fixtures.mjs";
import { zip } from "./support/zip.mjs";

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

const panel = async (app, name) => {
  await app.check.getByRole("tab", { name, exact: true }).click();
  return app.check.getByRole("tabpanel", { name, exact: true });
};

test("Compare learns in four ways, can be stopped and gone on with, and says what it found", { timeout: 300_000 }, async (t) => {
  const app = await open(t);
  await app.import({ name: "shapes.zip", mimeType: "application/zip", buffer: zip(shapeEntries()) });
  for (const name of SHAPES) await app.hasImages(name, 11);
  await app.openSettings();
  await slider(app).fill("1");
  await app.set({ Epochs: 10, "Fine-tuning epochs": 2 });
  const compare = await panel(app, "Compare");
  await compare.getByRole("combobox", { name: "Repeat each run", exact: true }).selectOption("1");
  await compare.getByRole("button", { name: "Compare", exact: true }).click();
  const results = async () => (await app.events("analysed")).at(-1)?.body.findings.comparison.results ?? [];
  await until(async () => (await results()).length >= 3, "three runs", 120_000);
  await compare.getByRole("button", { name: "Stop", exact: true }).click();
  await app.event("analysis_stopped");
  const first = await results();

  await compare.getByRole("button", { name: "Go on comparing", exact: true }).click();
  await until(async () => (await app.events("analysed")).at(-1)?.body.is_final, "the end of the comparison", 240_000);
  const all = await results();
  // From scratch, on a random backbone, on the pretrained one, and fine-tuned; with 1, 2, 5 and all 8 images a class.
  assert.equal(all.length, 4 * 4);
  // A repeated run would not take exactly the same time. JSON may cost the last digit.
  const rounded = (results) => results.map(({ elapsed_ms, ...rest }) => ({ ...rest, elapsed_ms: elapsed_ms.toFixed(6) }));
  assert.deepEqual(rounded(all.slice(0, first.length)), rounded(first), "what was found before is not run again");
  assert.ok(all.every(({ total }) => total === 9), "every run is measured on the same test images");
  await compare.getByText("Show as a table", { exact: true }).click();
  const table = compare.getByRole("table", { name: "Comparison", exact: true });
  assert.equal(await table.getByRole("row").count(), 5);
  const share = (method, perClass) => {
    const { right, total } = all.find(({ cell }) => cell.method === method && cell.per_class === perClass);
    return `${Math.round((100 * right) / total)}%`;
  };
  const row = table.getByRole("row").filter({ has: app.page.getByRole("rowheader", { name: "Pretrained", exact: true }) });
  assert.equal(await row.getByRole("cell").last().innerText(), share("frozen", null));
  const sentence = await compare.locator(".conclusion").innerText();
  assert.match(sentence, /pretrained network was right on/);
  assert.ok(sentence.includes(share("frozen", null)) || sentence.includes(share("fine_tuned", null)), sentence);
  await compare.getByRole("img", { name: /^Learning curves/ }).waitFor();

  // It is kept with the project.
  await app.saved();
  await app.reload();
  await app.class("Circles").waitFor();
  await (await panel(app, "Compare")).getByText(sentence, { exact: true }).waitFor();
});

test("See inside shows every stage of an image, and the images that excite a channel most", { timeout: 120_000 }, async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.set({ Epochs: 10 });
  await app.runTraining();
  const inside = await panel(app, "See inside");
  const [{ body }] = await app.event("inside");
  assert.equal(body.stages.length, 9, "the stem, the seven stages and the last convolution");
  assert.deepEqual(body.stages.map(({ channels }) => channels), [32, 16, 24, 40, 80, 112, 192, 320, 1280]);
  for (const title of ["1. Edges", "2. Textures", "3. Parts", "4. Objects", "5. Your classes"]) await inside.getByRole("heading", { name: title, exact: true }).waitFor();
  const channels = inside.getByRole("button", { name: /, channel \d+$/ });
  assert.equal(await channels.count(), 9 * 8);
  // The maps are drawn: no strip is a single grey.
  const greys = await inside.locator("canvas").evaluateAll((all) =>
    all.map((canvas) => new Set(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data).size),
  );
  assert.ok(greys.every((count) => count > 8), `${greys}`);
  await channels.last().click();
  await inside.getByRole("button", { name: /^Show .* large$/ }).nth(5).waitFor();
  const [found] = await app.events("analysed");
  assert.equal(found.body.findings.excited.images.length, 6);

  const input = inside.getByLabel("Image to look inside", { exact: true });
  await input.setInputFiles(unseenShapes("Stars")[0]);
  await app.event("inside", 2);

  // An image that cannot be used says why, and the next one is shown again.
  await input.setInputFiles(join(FIXTURES, "bad", "truncated.jpg"));
  await inside.getByText(/cut off/i).waitFor();
  assert.equal(await channels.count(), 0);
  await input.setInputFiles(unseenShapes("Stars")[0]);
  await channels.first().waitFor();
  assert.equal(await inside.getByText(/cut off/i).count(), 0);
});
