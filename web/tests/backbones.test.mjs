// Another backbone: chosen, trained on, compared, fine-tuned, kept, and exported.
// Takes about 40 s.

import assert from "node:assert/strict";
import { test } from "node:test";
import { suite, top, until } from "./support/app.mjs";
import { compareWithOnnxRuntime, exportedFrom, trainOnSample } from "./support/exported.mjs";
import { SHAPES, shapeEntries, shapes, unseenShapes } from "./support/fixtures.mjs";
import { zip } from "./support/zip.mjs";

const open = suite();
const SLOW_MS = 300_000;

const choice = async (app) => (await app.events("ready")).at(-1)?.body.backbone.choice.id;

async function use(app, title, id) {
  await app.openSettings();
  await app.train.getByRole("button", { name: "More backbones", exact: true }).click();
  const dialog = app.page.getByRole("dialog", { name: "Backbones", exact: true });
  await dialog.getByRole("button", { name: `Use ${title}`, exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
  await until(async () => (await choice(app)) === id, `${title} is ready`, 60_000);
}

test("the picker says what each backbone is good for, what it costs here, and what is missing", { timeout: SLOW_MS }, async (t) => {
  const app = await open(t);
  await app.event("ready");
  await app.openSettings();
  await app.train.getByRole("button", { name: "More backbones", exact: true }).click();
  const dialog = app.page.getByRole("dialog", { name: "Backbones", exact: true });
  const entries = dialog.getByRole("listitem");
  assert.equal(await entries.count(), 12);
  await dialog.getByText(/about [\d.]+ m?s an image here/).first().waitFor({ timeout: 60_000 });
  const entry = (title) => entries.filter({ has: app.page.getByRole("heading", { name: title, exact: true }) });
  assert.match(await entry("EfficientNet-Lite0").innerText(), /in use/);
  assert.match(await entry("SqueezeNet 1.1").innerText(), /here/);
  const vgg = await entry("VGG-16").innerText();
  assert.match(vgg, /needs a weights file/);
  assert.match(vgg, /14\.7 million parameters · 224 × 224 pixels · 512 features/);
  assert.equal(await entry("VGG-16").getByRole("button").count(), 0, "nothing can be done without a file");
  await app.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  // Closing it by keyboard leaves the page as it was.
  await app.train.getByRole("button", { name: "More backbones", exact: true }).click();
  await dialog.waitFor();
});

test("another backbone looks at the images anew, and the result of the one before stays to compare with", { timeout: SLOW_MS }, async (t) => {
  const app = await open(t);
  await app.import({ name: "shapes.zip", mimeType: "application/zip", buffer: zip(shapeEntries()) });
  for (const name of SHAPES) await app.hasImages(name, 11);
  await app.set({ Epochs: 20 });
  await app.runTraining();
  const before = await app.record();
  assert.equal(before.backbone, "efficientnet-lite0");

  await use(app, "SqueezeNet 1.1", "squeezenet1-1");
  await app.event("sample_embedded", 66, 60_000);
  await app.check.getByText(/^Before, EfficientNet-Lite0 was right on \d+(\.\d)?% of 9 test images\.$/).waitFor();
  await app.runTraining();
  const after = await app.record();
  assert.equal(after.backbone, "squeezenet1-1");
  assert.equal(top(await app.classify(unseenShapes("Circles")[0])), "Circles");
  const exact = (await app.events("prediction")).at(-1).body.probabilities;

  await app.check.getByRole("tab", { name: "See inside", exact: true }).click();
  const [{ body }] = await app.event("inside");
  assert.deepEqual(body.stages.at(-1).channels, 512);

  // It is kept in this browser …
  await app.saved();
  await app.reload();
  await until(async () => (await choice(app)) === "squeezenet1-1", "the project's own backbone");
  await app.check.getByText(/^Before, EfficientNet-Lite0 was right on/).waitFor();
  await app.classify(unseenShapes("Circles")[0]);
  assert.equal((await app.events("sample_embedded")).length, 0, "nothing is embedded twice");
  const again = (await app.events("prediction")).at(-1).body.probabilities;
  exact.forEach((value, at) => assert.ok(Math.abs(value - again[at]) < 1e-5, `${value} ${again[at]}`));

  // … and in a project file.
  const [download] = await Promise.all([app.page.waitForEvent("download"), app.page.getByRole("button", { name: "Save project", exact: true }).click()]);
  const other = await open(t);
  await other.event("ready");
  await other.page.getByLabel("Open project", { exact: true }).setInputFiles(await download.path());
  for (const name of SHAPES) await other.hasImages(name, 11);
  await until(async () => (await choice(other)) === "squeezenet1-1", "the file's own backbone");
  await other.classify(unseenShapes("Circles")[0]);
  const elsewhere = (await other.events("prediction")).at(-1).body.probabilities;
  exact.forEach((value, at) => assert.ok(Math.abs(value - elsewhere[at]) < 1e-5, `${value} ${elsewhere[at]}`));
});

test("a backbone that is chosen in the middle of training takes the run over", { timeout: SLOW_MS }, async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.set({ Epochs: 1000, "Batch size": 4 });
  await app.trainButton.click();
  await app.event("epoch", 2);
  await app.train.getByRole("combobox", { name: "Backbone", exact: true }).selectOption("squeezenet1-1");
  await until(async () => (await choice(app)) === "squeezenet1-1", "the other backbone", 60_000);
  const epochs = (await app.events("epoch")).length;
  await app.event("epoch", epochs + 2, 60_000);
  await app.stopButton.click();
  await app.event("training_stopped");
  for (const name of SHAPES) await app.hasImages(name, shapes(name).length);
});

test("Compare runs over the backbones that are here", { timeout: SLOW_MS }, async (t) => {
  const app = await open(t);
  await app.import({ name: "shapes.zip", mimeType: "application/zip", buffer: zip(shapeEntries()) });
  for (const name of SHAPES) await app.hasImages(name, 11);
  await app.set({ Epochs: 10 });
  await app.check.getByRole("tab", { name: "Compare", exact: true }).click();
  const compare = app.check.getByRole("tabpanel", { name: "Compare", exact: true });
  await compare.getByRole("combobox", { name: "Repeat each run", exact: true }).selectOption("1");
  await compare.getByRole("button", { name: "Compare backbones", exact: true }).click();
  await until(async () => (await app.events("analysed")).at(-1)?.body.is_final, "the end of the comparison", 240_000);
  const { results } = (await app.events("analysed")).at(-1).body.findings.comparison;
  // Two backbones, with 1, 2, 5 and all 8 images a class.
  assert.equal(results.length, 2 * 4);
  assert.ok(results.every(({ total }) => total === 9));
  const section = compare.getByRole("region", { name: "Backbones", exact: true });
  await section.getByText("Show as a table", { exact: true }).click();
  const table = section.getByRole("table", { name: "Comparison of backbones", exact: true });
  const shown = async (title) => table.getByRole("row").filter({ has: app.page.getByRole("rowheader", { name: title, exact: true }) }).getByRole("cell").last().innerText();
  for (const [title, id] of [
    ["EfficientNet-Lite0", "efficientnet-lite0"],
    ["SqueezeNet 1.1", "squeezenet1-1"],
  ]) {
    const { right, total } = results.find(({ cell }) => cell.method.on === id && cell.per_class === null);
    assert.equal(await shown(title), `${Math.round((100 * right) / total)}%`);
  }
  assert.match(await section.locator(".conclusion").innerText(), /EfficientNet-Lite0|SqueezeNet 1\.1/);
});

test("its last stage is fine-tuned, and the ONNX export says what the page says", { timeout: 2 * SLOW_MS }, async (t) => {
  const app = await open(t);
  await app.event("ready");
  await use(app, "SqueezeNet 1.1", "squeezenet1-1");
  const made = await exportedFrom(app, 227, () => trainOnSample(app, 1), 3);
  const about = JSON.parse(made.files.get("model.json"));
  assert.equal(about.preprocessing.size_px, 227);
  assert.equal(about.run.settings.fine_tuning.blocks, 1);
  await compareWithOnnxRuntime(t, made, 4);
});
