// Every way for images to come in and to go.
// Takes about 30 s.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { coloursOf, suite, top, until } from "./support/app.mjs";
import { FIXTURES, filesIn, SHAPES, shapeEntries, shapes, unseenShapes } from "./support/fixtures.mjs";
import { zip } from "./support/zip.mjs";

const open = suite();

/** Drops files or folders from outside the browser onto the middle of `target`, as the operating system would. */
async function drop(app, target, paths) {
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  const session = await app.page.context().newCDPSession(app.page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  const at = { x: box.x + box.width / 2, y: Math.max(box.y, 0) + Math.min(box.height / 2, 200) };
  for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, ...at, data });
  await session.detach();
}

/** How many images of each part the classes of a training request have. */
async function parts(app) {
  const requests = await app.commands("train");
  return Object.fromEntries(requests.at(-1).body.classes.map(({ name, train, test }) => [name, { train: train.length, test: test.length }]));
}

test("a zip with train and test folders makes its classes and keeps test images apart", async (t) => {
  const app = await open(t);
  await app.import({ name: "shapes.zip", mimeType: "application/zip", buffer: zip(shapeEntries().map((entry) => ({ ...entry, deflate: true }))) });
  for (const name of SHAPES) await app.hasImages(name, 11);
  assert.equal(await app.classes.count(), 3, "the empty classes of a fresh page give way");
  await app.runTraining();
  assert.deepEqual(await parts(app), {
    Circles: { train: 8, test: 3 },
    Squares: { train: 8, test: 3 },
    Stars: { train: 8, test: 3 },
  });
  assert.deepEqual(await app.alerts(), []);
});

test("a folder with class folders is imported", async (t) => {
  const app = await open(t);
  await app.page.getByLabel("Import folder", { exact: true }).setInputFiles(join(FIXTURES, "shapes"));
  for (const name of SHAPES) await app.hasImages(name, 11);
  await app.runTraining();
  assert.deepEqual((await parts(app)).Stars, { train: 8, test: 3 });
});

test("a project of Teachable Machine is imported", async (t) => {
  const app = await open(t);
  const manifest = (type) => ({ path: "manifest.json", data: Buffer.from(JSON.stringify({ type, version: "2.4.4", appdata: {} })) });
  const entries = SHAPES.flatMap((name) => shapes(name).map((path, at) => ({ path: `${name}-!-${at}.jpg`, data: readFileSync(path) })));
  await app.event("ready");
  await app.import({ name: "sounds.tm", mimeType: "", buffer: zip([manifest("audio")]) });
  await app.alert(/of the kind “audio”/, /choose an image project/);
  await app.import({ name: "shapes.tm", mimeType: "", buffer: zip([...entries, manifest("image")]) });
  for (const name of SHAPES) await app.hasImages(name, shapes(name).length);
  assert.equal(await app.classes.count(), 3, "the empty classes of a fresh page give way");
  await app.runTraining();
});

test("a second import adds to the classes of the same names", async (t) => {
  const app = await open(t);
  await app.addShapes();
  const unseen = shapeEntries().filter(({ path }) => path.startsWith("test/"));
  await app.import({ name: "more.zip", mimeType: "application/zip", buffer: zip(unseen) });
  for (const name of SHAPES) await app.hasImages(name, 11);
  assert.equal(await app.classes.count(), 3);
});

test("images are dropped on a class", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles", "Stars");
  await drop(app, app.class("Stars"), shapes("Stars"));
  await app.hasImages("Stars", 8);
  await app.hasImages("Circles", 0);
});

test("a zip or a folder is dropped on the page", async (t) => {
  const app = await open(t);
  await app.classes.first().waitFor();
  const folder = mkdtempSync(join(tmpdir(), "headstart-drop-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ["Circles", "Stars"]) {
    mkdirSync(join(folder, "pets", name), { recursive: true });
    for (const path of shapes(name)) copyFileSync(path, join(folder, "pets", name, path.split("/").at(-1)));
  }
  await drop(app, app.page.getByRole("main"), [join(folder, "pets")]);
  await app.hasImages("Circles", 8);
  await app.hasImages("Stars", 8);
});

test("an image is pasted into the class that was used last", async (t) => {
  const app = await open(t, { context: { permissions: ["clipboard-read", "clipboard-write"] } });
  await app.nameClasses("Circles", "Stars");
  await app.class("Stars").getByRole("textbox", { name: "Class name", exact: true }).focus();
  await app.page.evaluate(async () => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 64;
    const context = canvas.getContext("2d");
    context.fillStyle = "gold";
    context.fillRect(8, 8, 40, 40);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
  });
  await app.page.keyboard.press("Control+V");
  await app.hasImages("Stars", 1);
  await app.hasImages("Circles", 0);
});

test("EXIF orientation is respected in thumbnails and in what the model sees", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles", "Stars", "Quarters");
  for (const name of ["Circles", "Stars"]) await app.upload(name, shapes(name));
  const pictures = filesIn("exif");
  await app.upload("Quarters", pictures);
  await app.hasImages("Quarters", 8);
  await app.event("sample_decoded", 24);
  await app.event("sample_embedded", 24);
  for (const { body } of (await app.events("sample_decoded")).slice(-8)) {
    assert.deepEqual([body.width_px, body.height_px], [48, 32]);
  }

  const near = ([r, g, b], [x, y, z]) => Math.abs(r - x) + Math.abs(g - y) + Math.abs(b - z) < 90;
  for (let index = 0; index < 8; index += 1) {
    const image = app.images("Quarters").nth(index);
    await image.scrollIntoViewIfNeeded();
    const places = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]];
    const expected = [[220, 30, 30], [30, 170, 60], [40, 70, 220], [240, 210, 40]];
    await until(async () => {
      const { colours } = await coloursOf(image, places);
      return colours.every((colour, place) => near(colour, expected[place]));
    }, `orientation ${index + 1} upright in its thumbnail`, 5000);
  }

  await app.runTraining();
  const predictions = [];
  for (const path of pictures) predictions.push(await app.classify(path));
  for (const prediction of predictions) {
    for (const [name, value] of Object.entries(prediction)) {
      assert.ok(Math.abs(value - predictions[0][name]) < 0.03, `the eight differ: ${JSON.stringify(predictions)}`);
    }
  }
});

test("one image, several and all of a class are deleted, and brought back", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", 8);
  const card = app.class("Circles");
  const undo = app.page.getByRole("button", { name: /^Undo/ });

  await app.images("Circles").first().hover();
  await card.getByRole("button", { name: /^Delete .*circle-train-1\.jpg/ }).click();
  await app.hasImages("Circles", 7);
  await undo.click();
  await app.hasImages("Circles", 8);
  assert.match(await app.images("Circles").first().getAttribute("alt"), /circle-train-1\.jpg/, "it is back in its place");

  await card.getByRole("button", { name: /^Delete all/ }).click();
  await app.hasImages("Circles", 0);
  await app.page.keyboard.press("Control+Z");
  await app.hasImages("Circles", 8);

  await card.getByRole("button", { name: /^Select/ }).click();
  const boxes = card.getByRole("checkbox");
  await boxes.nth(1).click();
  await boxes.nth(4).click({ modifiers: ["Shift"] });
  await card.getByRole("button", { name: /^Delete (4|selected)/ }).click();
  await app.hasImages("Circles", 4);
  await undo.click();
  await app.hasImages("Circles", 8);
});

test("a deleted class comes back with its images and is not embedded again", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.event("sample_embedded", 24);
  await app.class("Squares").getByRole("button", { name: "Delete class", exact: true }).click();
  await app.class("Squares").waitFor({ state: "detached" });
  await app.page.getByRole("button", { name: /^Undo/ }).click();
  await app.hasImages("Squares", 8);
  await app.runTraining();
  assert.equal((await app.events("sample_embedded")).length, 24);
  assert.equal(top(await app.classify(unseenShapes("Squares")[0])), "Squares");
});

test("deleted images are not trained on", async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.class("Stars").getByRole("button", { name: /^Delete all/ }).click();
  await app.hasImages("Stars", 0);
  await app.upload("Stars", unseenShapes("Stars"));
  await app.hasImages("Stars", 3);
  await app.runTraining();
  assert.equal((await parts(app)).Stars.train, 3);
});

test("images go from train to test and back", async (t) => {
  const app = await open(t);
  await app.addShapes();
  const card = app.class("Stars");
  await card.getByRole("button", { name: /^Select/ }).click();
  await card.getByRole("checkbox").nth(0).click();
  await card.getByRole("checkbox").nth(1).click();
  await card.getByRole("button", { name: /test/i }).first().click();
  await app.hasImages("Stars", 8);
  await app.runTraining();
  assert.deepEqual((await parts(app)).Stars, { train: 6, test: 2 });
});
