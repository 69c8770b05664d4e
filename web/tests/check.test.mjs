// Check: the images behind the figures, what can be done with them, and the analyses.
// Takes about 50 s.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, test } from "node:test";
import { suite, until } from "./support/app.mjs";
import { checkWidth, checkWithAxe, inBothColours } from "./support/axe.mjs";
import { SHAPES, shapeEntries, shapes } from "./support/fixtures.mjs";
import { prepared } from "./support/prepared.mjs";
import { unzip, zip } from "./support/zip.mjs";

const open = suite();
const TABS = ["Results", "Mistakes", "Can you trust it?", "Cross-validation", "Data doctor", "None of these", "Map"];

/** Imports shapes/ with its test images; `place` may put an image into another folder. */
async function importShapes(app, place = (path) => path) {
  const entries = shapeEntries().map(({ path, data }) => ({ path: place(path), data }));
  await app.import({ name: "shapes.zip", mimeType: "application/zip", buffer: zip(entries) });
  await app.event("archive_read");
  await app.event("sample_embedded", entries.length);
}

const SAMPLE = unzip(readFileSync(new URL("../sample/sample.zip", import.meta.url)));

/** Imports the sample pictures, which have nothing wrong with them; `place` may put one into another folder. */
async function importSample(app, place = (path) => path) {
  const entries = SAMPLE.filter(({ path }) => path.endsWith(".jpg")).map(({ path, data }) => ({ path: place(path), data }));
  await app.import({ name: "sample.zip", mimeType: "application/zip", buffer: zip(entries) });
  await app.event("archive_read");
  await app.event("sample_embedded", entries.length);
  return entries.length;
}

/** The first sample picture of a part and a class. */
const samplePicture = (part, name) => SAMPLE.find(({ path }) => path.includes(`${part}/${name}/`));

/** The test images of stars, put among the circles: a model that is any good takes them for stars. */
const starsAmongCircles = (path) => path.replace(/^test\/Stars\//, "test/Circles/");

/** Opens the page with a model that was tested on those. */
const withMistakes = prepared(async (app) => {
  await importShapes(app, starsAmongCircles);
  await app.set({ Epochs: 30 });
  await app.runTraining();
});

const matrix = (app) => app.check.getByRole("table", { name: "Confusion matrix", exact: true });

/** The numbers of the matrix, row by row. */
async function counts(app) {
  const rows = await matrix(app).locator("tbody tr").all();
  return Promise.all(rows.map(async (row) => (await row.locator("td").allInnerTexts()).map(Number)));
}

async function select(app, tab) {
  await app.check.getByRole("tab", { name: tab }).click();
  const panel = app.check.getByRole("tabpanel", { name: tab });
  await panel.waitFor();
  return panel;
}

/** An image saved again with different bytes that looks the same. */
async function savedAgain(app, name, data) {
  const base64 = await app.page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.6 });
    return btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())));
  }, data.toString("base64"));
  return { name, mimeType: "image/jpeg", buffer: Buffer.from(base64, "base64") };
}

/** Wilson's interval, computed the other way round: the shares whose distance from the measured one is 1.96 standard errors. */
function interval(right, total) {
  const inside = [];
  for (let share = 0; share <= 1; share += 0.0001) {
    if (Math.abs(right / total - share) <= 1.96 * Math.sqrt((share * (1 - share)) / total)) inside.push(share);
  }
  return [Math.round(inside[0] * 100), Math.round(inside.at(-1) * 100)];
}

test("from a cell of the confusion matrix to its images, and a matrix that changes", async (t) => {
  const app = await withMistakes(t, open);
  const before = await counts(app);
  assert.equal(before[0][2], 3, "three stars stand among the circles");

  await matrix(app).getByRole("button", { name: "3 Circles taken for Stars: show them" }).click();
  const dialog = app.page.getByRole("dialog", { name: "3 Circles taken for Stars" });
  await dialog.getByText("3", { exact: false }).first().waitFor();
  const images = dialog.getByRole("button", { name: /^Show .* large$/ });
  assert.equal(await images.count(), 3);
  await dialog.getByRole("checkbox").first().click();
  await dialog.getByText("1 image selected").waitFor();
  await dialog.getByRole("combobox", { name: "Move to" }).selectOption({ label: "Stars" });
  await dialog.getByText("Moved 1 image to “Stars”").waitFor();
  await dialog.getByRole("group", { name: /^Images/ }).getByText("Stars", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Close", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await app.hasImages("Stars", 9);

  await app.check.getByText("train again to include them").waitFor();
  await app.runTraining();
  await until(async () => (await counts(app))[0][2] === 2, "two stars left among the circles");
  const after = await counts(app);
  assert.equal(after[2].reduce((sum, count) => sum + count), 1, "one star is tested as a star now");
  const record = await app.record();
  assert.deepEqual(record.test.confusion, after);
});

test("an image is looked at large, deleted and brought back", async (t) => {
  const app = await withMistakes(t, open);
  await matrix(app).getByRole("button", { name: "3 Circles taken for Stars: show them" }).click();
  const dialog = app.page.getByRole("dialog");
  await dialog.getByRole("button", { name: /^Show .* large$/ }).first().click();
  await dialog.getByText("1 of 3").waitFor();
  const name = await dialog.getByRole("img").first().getAttribute("alt");
  await dialog.getByRole("button", { name: "Next image" }).click();
  await dialog.getByText("2 of 3").waitFor();
  await dialog.getByRole("button", { name: "Previous image" }).click();
  await dialog.getByText("1 of 3").waitFor();
  assert.equal(await dialog.getByRole("img").first().getAttribute("alt"), name);

  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await dialog.getByText("1 of 2").waitFor();
  assert.notEqual(await dialog.getByRole("img").first().getAttribute("alt"), name);
  await app.hasImages("Circles", 13);
  await dialog.getByRole("button", { name: "Undo" }).click();
  await dialog.getByText("of 3").waitFor();
  await app.hasImages("Circles", 14);
  await dialog.getByRole("button", { name: "Show all" }).click();
  assert.equal(await dialog.getByRole("button", { name: /^Show .* large$/ }).count(), 3);

  await dialog.getByRole("button", { name: "Select all" }).click();
  await dialog.getByRole("button", { name: "Learn from" }).click();
  await dialog.getByText("Moved 3 images to training").waitFor();
  await dialog.getByRole("button", { name: "Select all" }).click();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await dialog.getByText("None of these images is left.").waitFor();
  await app.page.keyboard.press("Control+Z");
  await until(async () => (await dialog.getByRole("checkbox").count()) === 3, "the images back in the dialog");
});

test("mistakes are all there, the surest first, and each opens", async (t) => {
  const app = await withMistakes(t, open);
  const panel = await select(app, "Mistakes");
  const items = await panel.getByRole("list", { name: "Mistakes" }).getByRole("listitem").allInnerTexts();
  const { outcome } = app;
  const wrong = outcome.test.verdicts.filter(({ actual, predicted }) => actual !== predicted);
  assert.equal(items.length, wrong.length);
  const expected = wrong.map(({ confidence }) => confidence).sort((a, b) => b - a);
  const shown = items.map((text) => Number(/\((\d+)% sure\)/.exec(text)[1]));
  assert.deepEqual(shown, expected.map((confidence) => Math.round(confidence * 100)));
  for (const text of items) assert.match(text.replace(/\s+/g, " "), /This is Circles, taken for Stars/);

  await panel.getByRole("listitem").nth(1).getByRole("button").click();
  const dialog = app.page.getByRole("dialog", { name: "Mistakes, the surest first" });
  await dialog.getByText(`2 of ${wrong.length}`).waitFor();
});

test("the accuracy comes with its interval, drawn and in words, for test and validation images", async (t) => {
  const app = await withMistakes(t, open);
  const panel = await select(app, "Results");
  const { test, validation } = app.outcome;
  for (const [kind, { verdicts }] of Object.entries({ test, validation })) {
    const right = verdicts.filter(({ actual, predicted }) => actual === predicted).length;
    const [low, high] = interval(right, verdicts.length);
    await panel.getByRole("group", { name: "Measured on" }).getByRole("button", { name: `${kind} image` }).click();
    await panel.getByText(`With ${verdicts.length} ${kind} images the true figure may be anywhere between ${low}% and ${high}%.`).waitFor();
    const drawn = await panel.getByRole("img", { name: /^Accuracy/ }).getAttribute("aria-label");
    assert.match(drawn, new RegExp(`between ${low}% and ${high}%`));
    const sum = (await counts(app)).flat().reduce((total, count) => total + count);
    assert.equal(sum, verdicts.length);
  }
});

test("each class has its precision, recall and F1", async (t) => {
  const app = await withMistakes(t, open);
  const panel = await select(app, "Results");
  const confusion = await counts(app);
  const rows = panel.getByRole("table", { name: "Each class by itself" }).locator("tbody tr");
  for (const [index, name] of SHAPES.entries()) {
    const row = rows.nth(index);
    assert.equal(await row.getByRole("rowheader").innerText(), name);
    const [images, recall, precision] = await row.locator("td").allInnerTexts();
    const count = confusion[index].reduce((sum, cell) => sum + cell);
    const said = confusion.reduce((sum, cells) => sum + cells[index], 0);
    assert.equal(Number(images), count);
    assert.equal(recall, count ? `${Math.round((100 * confusion[index][index]) / count)}%` : "no images");
    assert.equal(precision, said ? `${Math.round((100 * confusion[index][index]) / said)}%` : "never said");
  }
});

test("calibration and baselines say how far the model can be trusted", async (t) => {
  const app = await open(t);
  await importShapes(app);
  await app.runTraining();
  const panel = await select(app, "Can you trust it?");
  const { calibration, baselines, test } = (await app.events("trained")).at(-1).body.outcome;
  const diagram = panel.getByRole("img", { name: /How sure against how often right/ });
  const words = await diagram.getAttribute("aria-label");
  for (const [index, { count, accuracy }] of calibration.after.bins.entries()) {
    if (count > 0) assert.ok(words.includes(`it was ${index * 10}–${(index + 1) * 10}% sure of: ${Math.round(accuracy * 100)}% right`), words);
  }
  const text = (await panel.innerText()).replace(/\s+/g, " ");
  assert.match(text, new RegExp(`temperature is ${calibration.temperature.toFixed(2)}`));
  const bars = await panel.getByRole("list", { name: /Accuracy of the model/ }).getByRole("listitem").allInnerTexts();
  const shares = bars.map((bar) => Number(/([\d.]+)%/.exec(bar)[1]) / 100);
  for (const [index, share] of [test.accuracy, baselines.nearest_neighbours, baselines.largest_class].entries()) {
    assert.ok(Math.abs(shares[index] - share) < 0.001, `${bars[index]} is not ${share}`);
  }
});

test("cross-validation can be stopped, and predicts every image once", async (t) => {
  const app = await open(t);
  await importShapes(app);
  const panel = await select(app, "Cross-validation");
  const start = panel.getByRole("button", { name: "Cross-validate", exact: true });

  await app.set({ Epochs: 1000, "Batch size": 1 });
  await start.click();
  await panel.getByRole("progressbar", { name: "Cross-validating" }).waitFor();
  await app.event("analysis_progress", 2);
  await panel.getByRole("button", { name: "Stop", exact: true }).click();
  await app.event("analysis_stopped");
  await panel.getByRole("progressbar").waitFor({ state: "detached" });
  assert.equal((await app.events("analysed")).length, 0);

  await app.set({ Epochs: 20, "Batch size": 16 });
  await start.click();
  const [{ body }] = await app.event("analysed");
  const { folds, mean, evaluation } = body.findings.cross_validation;
  await panel.getByText("Accuracy on average").waitFor();
  assert.equal(folds.length, 5);
  assert.ok(Math.abs(mean - folds.reduce((sum, fold) => sum + fold) / 5) < 1e-9);
  const ids = evaluation.verdicts.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, "no image is predicted twice");
  const [{ body: asked }] = (await app.commands("analyse")).slice(-1);
  const expected = asked.analysis.cross_validate.classes.flatMap(({ train }) => train).sort((a, b) => a - b);
  assert.deepEqual([...ids].sort((a, b) => a - b), expected, "each of the images to learn from is predicted");
  assert.equal(expected.length, 24);
  assert.match((await panel.innerText()).replace(/\s+/g, " "), new RegExp(`Of 24 images, each predicted once .* ${evaluation.confusion.reduce((sum, row, at) => sum + row[at], 0)} were recognised`));

  // The run record names each image once, and the matrix counts each once.
  await select(app, "Results");
  await app.runTraining();
  await select(app, "Cross-validation");
  const { cross_validation: recorded } = await app.record();
  const names = recorded.images.map(({ image }) => image);
  assert.deepEqual(names.sort(), SHAPES.flatMap((name) => shapes(name).map((path) => basename(path))).sort());
  assert.deepEqual(recorded.confusion, evaluation.confusion);
  assert.equal(recorded.confusion.flat().reduce((sum, count) => sum + count), 24);

  // It says so when the images are no longer those that were predicted, and its matrix opens images as well.
  const table = panel.getByRole("table", { name: "Confusion matrix of the cross-validation" });
  await table.getByRole("button").first().click();
  const dialog = app.page.getByRole("dialog");
  await dialog.getByRole("checkbox").first().click();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await app.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await panel.getByText("have changed since: cross-validate again").waitFor();
});

/** Has the images examined and returns the list of findings with that name. */
async function examine(app, panel) {
  const before = await app.count("analysed");
  await panel.getByRole("button", { name: "Examine the images" }).click();
  await app.event("analysed", before + 1);
  return (name) => panel.getByRole("list", { name }).getByRole("listitem");
}

test("the data doctor finds nothing in good images, and what was planted among them", async (t) => {
  const app = await open(t);
  const { path: flower } = samplePicture("train", "Flowers");
  const count = await importSample(app, (path) => (path === flower ? path.replace("Flowers", "Birds") : path));
  const [birds, flowers] = await Promise.all(["Birds", "Flowers"].map((name) => app.images(name).count()));
  const fruit = await app.images("Fruit").count();
  const again = await savedAgain(app, "again.jpg", samplePicture("train", "Fruit").data);
  await app.upload("Fruit", [again]);
  await app.event("sample_embedded", count + 1);

  const panel = await select(app, "Data doctor");
  const findings = await examine(app, panel);
  await panel.getByText("2 things to look at.").waitFor();

  const planted = findings("Labels that look wrong");
  await planted.getByText("Is in Birds, looks like Flowers").waitFor();
  assert.equal(await planted.count(), 1);
  await planted.getByRole("button", { name: "Move to Flowers" }).click();
  await planted.waitFor({ state: "detached" });
  await app.hasImages("Flowers", flowers + 1);
  await app.page.keyboard.press("Control+Z");
  await app.hasImages("Birds", birds);
  await planted.waitFor();
  await planted.getByRole("button", { name: "Keep", exact: true }).click();
  await planted.waitFor({ state: "detached" });
  await panel.getByRole("button", { name: "Look at them again" }).click();
  await planted.getByRole("button", { name: "Move to Flowers" }).click();
  await planted.waitFor({ state: "detached" });

  const twice = findings("Images that are there twice");
  assert.equal(await twice.count(), 1);
  await twice.getByRole("button", { name: "Show again.jpg large" }).waitFor();
  await twice.getByRole("button", { name: "Keep one" }).click();
  await app.hasImages("Fruit", fruit);
  await twice.waitFor({ state: "detached" });
  await panel.getByText("Train again to learn from the change").waitFor();
  await app.page.getByRole("button", { name: "Undo" }).click();
  await app.hasImages("Fruit", fruit + 1);
  await twice.waitFor();
  await twice.getByRole("button", { name: "Keep one" }).click();
  await twice.waitFor({ state: "detached" });

  await examine(app, panel);
  await panel.getByText("All is well").waitFor();
});

test("the data doctor finds a test image that leaks", async (t) => {
  const app = await open(t);
  const count = await importSample(app);
  const again = await savedAgain(app, "again.jpg", samplePicture("test", "Birds").data);
  await app.upload("Birds", [again]);
  await app.event("sample_embedded", count + 1);
  const marks = app.class("Birds").getByText("Test", { exact: true });
  const tests = await marks.count();
  const panel = await select(app, "Data doctor");
  const leak = (await examine(app, panel))("Test images that leak");
  await leak.getByText("1 test image looks just like 1 image to learn from.").waitFor();
  assert.equal(await leak.count(), 1);

  await leak.getByRole("button", { name: "Move the whole group to testing" }).click();
  await leak.waitFor({ state: "detached" });
  await until(async () => (await marks.count()) === tests + 1, "one image more for testing");
  await app.page.keyboard.press("Control+Z");
  await leak.waitFor();
  await leak.getByRole("button", { name: "Learn from it" }).click();
  await leak.waitFor({ state: "detached" });
  assert.equal(await marks.count(), tests - 1);
});

test("Check by keyboard alone: tabs, matrix, images", async (t) => {
  const app = await withMistakes(t, open);
  const { page } = app;
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim());

  await app.check.getByRole("tab", { name: "Results" }).focus();
  await page.keyboard.press("ArrowRight");
  assert.match(await focused(), /^Mistakes/);
  await app.check.getByRole("tabpanel", { name: "Mistakes" }).waitFor();
  await page.keyboard.press("End");
  assert.equal(await app.check.getByRole("tab", { selected: true }).count(), 1);
  await page.keyboard.press("Home");
  assert.equal(await focused(), "Results");

  const cell = matrix(app).getByRole("button", { name: /Circles taken for Stars/ });
  await cell.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  assert.ok(await dialog.evaluate((dialog) => dialog.contains(document.activeElement)), "the focus is in the dialog");

  // The images are a single stop for Tab; the arrow keys move between them, and Tab then reaches the mark of the current one.
  await dialog.getByRole("button", { name: /^Show .* large$/ }).first().focus();
  const first = await focused();
  await page.keyboard.press("ArrowRight");
  const second = await focused();
  assert.match(second, /^Show .* large$/);
  assert.notEqual(second, first);
  await page.keyboard.press("Tab");
  assert.equal(await focused(), second.replace(/^Show (.*) large$/, "Select $1"));
  await page.keyboard.press("Space");
  await dialog.getByText("1 image selected").waitFor();

  // Escape closes, and the focus is where it was.
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.match(await focused(), /Circles taken for Stars/);
});

describe("axe-core", () => {
  for (const viewport of [{ width: 1440, height: 900 }, { width: 360, height: 740 }]) {
    const check = inBothColours(
      async (t, look) => {
        const app = await withMistakes(t, open, { context: { viewport, reducedMotion: "reduce" } });
        const again = await savedAgain(app, "again.jpg", readFileSync(shapes("Squares")[0]));
        await app.upload("Squares", [again]);
        await app.event("sample_embedded");
        await app.runTraining();
        for (const tab of TABS) {
          const panel = await select(app, tab);
          const start = panel.getByRole("button", { name: /^(Cross-validate|Examine the images)$/ });
          if (await start.count()) {
            const before = await app.count("analysed");
            await start.click();
            await app.event("analysed", before + 1);
          }
          await look(app, tab);
        }
        await select(app, "Results");
        await matrix(app).getByRole("button", { name: /Circles taken for Stars/ }).click();
        const dialog = app.page.getByRole("dialog");
        await dialog.getByRole("checkbox").first().click();
        await look(app, "gallery");
        await dialog.getByRole("button", { name: /^Show .* large$/ }).first().click();
        await look(app, "one image large");
      },
      async (app, stage) => {
        await checkWithAxe(app, stage);
        await checkWidth(app, stage);
      },
    );
    for (const colorScheme of ["light", "dark"]) {
      test(`finds nothing serious in Check, ${colorScheme}, ${viewport.width} px`, { timeout: 180_000 }, (t) => check(t, colorScheme));
    }
  }
});
