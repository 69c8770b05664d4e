// Keep: nothing is lost by a reload, and several projects live side by side.
// Takes about 40 s.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { suite, top, until } from "./support/app.mjs";
import { SHAPES, shapeEntries, shapes, unseenShapes } from "./support/fixtures.mjs";
import { replaceFirst } from "./support/store.mjs";
import { zip } from "./support/zip.mjs";

const open = suite();

const projects = (app) => app.page.getByRole("region", { name: "Projects", exact: true });

test("a reload brings back images, labels, settings and the model, which still predicts", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.set({ Epochs: 17 });
  await app.runTraining();
  const before = await app.classify(unseenShapes("Stars")[0]);
  const embedded = await app.count("sample_embedded");
  assert.equal(embedded, 24);
  await app.saved();

  await app.reload();
  for (const name of SHAPES) await app.hasImages(name, shapes(name).length);
  await app.openSettings();
  assert.equal(await app.train.getByRole("spinbutton", { name: "Epochs", exact: true }).inputValue(), "17");
  await app.check.getByRole("table", { name: "Confusion matrix" }).waitFor();
  await app.event("ready");
  const after = await app.classify(unseenShapes("Stars")[0]);
  for (const name of SHAPES) assert.ok(Math.abs(after[name] - before[name]) < 1e-5, `${name}: ${before[name]} ${after[name]}`);
  assert.equal(await app.count("sample_embedded"), 0, "no image is embedded a second time");

  // Work goes on from there: bursts, undo and ids do not collide.
  await app.upload("Stars", unseenShapes("Stars"));
  await app.hasImages("Stars", shapes("Stars").length + unseenShapes("Stars").length);
  await app.runTraining();
});

test("a reload in the middle of embedding and training loses nothing", async (t) => {
  const app = await open(t);
  await app.nameClasses(...SHAPES);
  for (const name of SHAPES) await app.upload(name, shapes(name));
  for (const name of SHAPES) await app.hasImages(name, shapes(name).length);
  await app.saved();
  await app.reload();
  for (const name of SHAPES) await app.hasImages(name, shapes(name).length);
  await app.event("ready");
  await app.set({ Epochs: 900 });
  await app.trainButton.click();
  await app.event("epoch", 3);
  await app.saved();
  await app.reload();
  for (const name of SHAPES) await app.hasImages(name, shapes(name).length);
  await app.set({ Epochs: 20 });
  await app.runTraining();
  assert.equal(top(await app.classify(unseenShapes("Circles")[0])), "Circles");
});

test("projects are listed, renamed, copied, deleted and brought back", async (t) => {
  const app = await open(t);
  const { page } = app;
  await app.nameClasses("Circles", "Stars");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", 8);
  await page.getByRole("textbox", { name: "Project name", exact: true }).fill("Round things");
  await app.saved();
  await page.getByRole("button", { name: "All projects", exact: true }).click();

  const list = projects(app);
  const name = () => list.getByRole("textbox", { name: "Project name", exact: true });
  await until(async () => (await name().first().inputValue()) === "Round things", "the project in the list");
  assert.match(await list.innerText(), /8 images in 2 classes/);

  await list.getByRole("button", { name: "Duplicate", exact: true }).click();
  await until(async () => (await name().count()) === 2, "the copy");
  await list.getByRole("button", { name: "Delete Round things", exact: true }).click();
  await list.getByRole("button", { name: "Bring it back", exact: true }).click();
  await until(async () => (await name().count()) === 2, "both projects");
  await list.getByRole("button", { name: "Delete Round things (copy)", exact: true }).click();
  await list.getByText(/“Round things \(copy\)” is deleted when/).waitFor();

  await list.getByRole("button", { name: "Open", exact: true }).click();
  await app.hasImages("Circles", 8);
  await page.getByRole("button", { name: "All projects", exact: true }).click();
  await until(async () => (await name().count()) === 1, "the deleted copy gone");

  await list.getByRole("button", { name: "New project", exact: true }).click();
  await app.classes.first().waitFor();
  assert.equal(await app.images("Class 1").count(), 0);
});

test("two tabs do not work on the same project", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles", "Stars");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", 8);
  await app.saved();
  const other = await app.anotherTab();
  await projects(other).getByRole("button", { name: "Open", exact: true }).click();
  await other.page.getByRole("heading", { name: /is open in another tab/ }).waitFor();
  await other.page.getByRole("button", { name: "Open a copy", exact: true }).click();
  await other.hasImages("Circles", 8);
  await other.upload("Circles", unseenShapes("Circles"));
  await other.hasImages("Circles", 11);
  assert.equal(await app.images("Circles").count(), 8, "the first tab's project is its own");
  await other.page.close();
});

test("a damaged description is told, and the images are still there", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles", "Stars");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", 8);
  await app.saved();
  await replaceFirst(app, "descriptions", '{"version":1,"title":');
  await app.reload();
  await app.alert(/was damaged/, /images were found/);
  await app.hasImages("Circles", 8);
});

test("a full store is told, and nothing on the page is lost", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles", "Stars");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", 8);
  await app.saved();
  // Chromium's own quota cannot be reached in a test's private window, so the database answers as it does when it is full.
  await app.page.evaluate(() => {
    const put = IDBObjectStore.prototype.put;
    window.__isFull = true;
    // In the middle of a save: the first files still find room.
    let room = 3;
    IDBObjectStore.prototype.put = function (...values) {
      if (window.__isFull && (room -= 1) < 0) throw new DOMException("The disk is full.", "QuotaExceededError");
      return put.apply(this, values);
    };
  });
  await app.upload("Stars", shapes("Stars"));
  await app.alert(/not being saved/, /full/);
  await app.hasImages("Stars", 8);
  await app.page.getByText("Not saved", { exact: true }).waitFor();
  // There is room again: saving resumes by itself.
  await app.page.evaluate(() => (window.__isFull = false));
  await app.saved();
  await app.reload();
  await app.hasImages("Stars", 8);
});

test("a saved project opens in another browser with the same predictions and goes on", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.runTraining();
  const before = await app.classify(unseenShapes("Stars")[0]);
  const exact = (await app.events("prediction")).at(-1).body.probabilities;
  await app.page.getByRole("textbox", { name: "Project name", exact: true }).fill("Shapes / one");
  const [download] = await Promise.all([
    app.page.waitForEvent("download"),
    app.page.getByRole("button", { name: "Save project", exact: true }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "Shapes---one.headstart.zip");
  const file = await download.path();

  const other = await open(t);
  await other.event("ready");
  await other.page.getByLabel("Open project", { exact: true }).setInputFiles(file);
  for (const name of SHAPES) await other.hasImages(name, shapes(name).length);
  const title = other.page.getByRole("textbox", { name: "Project name", exact: true });
  await until(async () => (await title.inputValue()) === "Shapes / one", "the project's name");
  await other.event("ready");
  await other.check.getByRole("table", { name: "Confusion matrix" }).waitFor();
  const after = await other.classify(unseenShapes("Stars")[0]);
  assert.equal(top(after), top(before));
  const again = (await other.events("prediction")).at(-1).body.probabilities;
  exact.forEach((value, at) => assert.ok(Math.abs(value - again[at]) < 1e-5, `${value} ${again[at]}`));
  assert.equal(await other.count("sample_embedded"), 0, "no image is embedded a second time");
  await other.runTraining();
});

test("a file that is no project is refused, and nothing changes", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles", "Stars");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", 8);
  await app.event("ready");
  const input = app.page.getByLabel("Open project", { exact: true });
  await input.setInputFiles({ name: "a.zip", mimeType: "application/zip", buffer: Buffer.from("PK no zip") });
  await app.alert(/could not be opened/, /Nothing here was changed/);
  await input.setInputFiles({ name: "b.zip", mimeType: "application/zip", buffer: zip(shapeEntries()) });
  await app.alert(/no Headstart project in this zip/, /Import images/);
  await app.hasImages("Circles", 8);
});

test("the images come out as class folders, and go in again", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles", "Stars");
  await app.upload("Circles", shapes("Circles"));
  await app.upload("Stars", shapes("Stars"));
  for (const name of ["Circles", "Stars"]) await app.hasImages(name, 8);
  await app.event("ready");
  const [download] = await Promise.all([
    app.page.waitForEvent("download"),
    app.page.getByRole("button", { name: "Export data set", exact: true }).click(),
  ]);
  const other = await open(t);
  await other.import({ name: download.suggestedFilename(), mimeType: "application/zip", buffer: await readFile(await download.path()) });
  for (const name of ["Circles", "Stars"]) await other.hasImages(name, 8);
});
