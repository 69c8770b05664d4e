// The report: one file with everything that is known of a run, to open, read and print without the page that made it.
// Takes about 25 s.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { suite, until } from "./support/app.mjs";
import { checkWidth, checkWithAxe } from "./support/axe.mjs";
import { SHAPES, shapeEntries } from "./support/fixtures.mjs";
import { checkRecord } from "./support/record.mjs";
import { zip } from "./support/zip.mjs";

const open = suite();

/** A name that would be markup, end an attribute, or both. */
const EVIL = '<b>x</b>"\'&amp;<script>alert(1)</script>';

/** Imports shapes/ with the test images of stars among the circles: a model that is any good takes them for stars. */
async function importShapes(app) {
  const entries = shapeEntries().map(({ path, data }) => ({ path: path.replace(/^test\/Stars\//, "test/Circles/"), data }));
  await app.import({ name: "shapes.zip", mimeType: "application/zip", buffer: zip(entries) });
  await app.event("archive_read");
  await app.event("sample_embedded", entries.length);
}

async function analyse(app, tab, button, times) {
  await app.check.getByRole("tab", { name: tab }).click();
  await app.check.getByRole("button", { name: button, exact: true }).click();
  await app.event("analysed", times);
}

/** Presses `Export report` and returns the path of the file, under the name that it was offered with. */
async function exported(t, app) {
  const [download] = await Promise.all([
    app.page.waitForEvent("download"),
    app.page.getByRole("button", { name: "Export report", exact: true }).click(),
  ]);
  const folder = await mkdtemp(join(tmpdir(), "headstart-report-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

/** Opens a report as a file in a browser of its own, and notes what it asks for and what goes wrong. */
async function opened(t, app, path, settings = {}) {
  const context = await app.page.context().browser().newContext(settings);
  t.after(() => context.close());
  const page = await context.newPage();
  const url = pathToFileURL(path).href;
  const problems = [];
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) problems.push(`a request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    problems.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => problems.push(`an error: ${error}`));
  page.on("console", (message) => problems.push(`on the console: ${message.text()}`));
  t.after(() => assert.deepEqual(problems, []));
  await page.goto(url);
  return page;
}

/** The numbers of a table's cells, row by row. */
async function numbers(table) {
  const rows = await table.locator("tbody tr").all();
  return Promise.all(rows.map(async (row) => (await row.locator("td").allInnerTexts()).map(Number)));
}

const squeezed = (text) => text.replace(/\s+/g, " ");

test("a report says what the page says, with its pictures, and asks for nothing", { timeout: 180_000 }, async (t) => {
  const app = await open(t);
  await importShapes(app);
  await app.set({ Epochs: 30 });
  await app.runTraining();
  const shown = squeezed(await app.check.innerText());
  const accuracy = /Test accuracy ([\d.]+%)/.exec(shown)[1];
  const matrix = await numbers(app.check.getByRole("table", { name: "Confusion matrix", exact: true }));
  await analyse(app, "Cross-validation", "Cross-validate", 1);
  await analyse(app, "Data doctor", "Examine the images", 2);

  const path = await exported(t, app);
  assert.match(path, /headstart-report-1\.html$/);
  await app.check.getByRole("status").filter({ hasText: "headstart-report-1.html" }).waitFor();
  const page = await opened(t, app, path);
  const main = squeezed(await page.getByRole("main").innerText());
  assert.ok(main.includes(`Test accuracy ${accuracy}`), main.slice(0, 400));
  assert.match(main, /With \d+ test images the true figure may be anywhere between \d+% and \d+%/);
  assert.deepEqual(await numbers(page.getByRole("table", { name: "Confusion matrix", exact: true })), matrix);
  for (const name of ["How good is it?", "Each class by itself", "Can you trust it?", "None of these", "Cross-validation", "How it learnt", "How to read this report"]) {
    await page.getByRole("heading", { name, exact: true }).waitFor();
  }
  assert.match(main, /\d+ images, each predicted once by a model that had not seen it/);
  for (const text of ["EfficientNet-Lite0", "CPU", "Learning rate", "temperature", "AUROC"]) assert.ok(main.includes(text), text);
  const counted = await page.getByRole("table", { name: "Images by class and part" }).locator("tfoot td").allInnerTexts();
  const record = await app.record();
  assert.deepEqual(counted.map(Number), [record.split.train, record.split.validation, record.split.test]);

  // The mistakes: those of the matrix, each with its picture.
  const wrong = matrix.flatMap((row, at) => row.filter((_, column) => column !== at)).reduce((sum, count) => sum + count, 0);
  assert.ok(wrong >= 2, `${wrong} mistakes`);
  const mistakes = page.getByRole("listitem").filter({ hasText: "taken for" });
  assert.equal(await mistakes.count(), wrong);
  const pictures = await mistakes.getByRole("img").evaluateAll((images) => images.map(({ naturalWidth, alt, src }) => ({ naturalWidth, alt, kind: src.slice(0, 16) })));
  assert.equal(pictures.length, wrong);
  for (const picture of pictures) {
    assert.ok(picture.naturalWidth > 0, JSON.stringify(picture));
    assert.match(picture.alt, /-test-\d\.jpg$/);
    assert.match(picture.kind, /^data:image\/(jpe|png)/);
  }
  const sure = (await mistakes.allInnerTexts()).map((text) => Number(/(\d+)% sure/.exec(text)[1]));
  assert.deepEqual(sure, sure.toSorted((a, b) => b - a), "the surest first");

  assert.equal(await page.locator("script, link, iframe, object, [href], [onload], [onerror]").count(), 0);
  await checkWithAxe({ page }, "the report");
});

test("a report keeps names as text, prints, and fits a small screen", { timeout: 180_000 }, async (t) => {
  const app = await open(t);
  await importShapes(app);
  const box = app.class("Circles").getByRole("textbox", { name: "Class name", exact: true });
  await box.fill(EVIL);
  await app.page.keyboard.press("Tab");
  await app.page.getByRole("textbox", { name: "Project name", exact: true }).fill(EVIL);
  await app.set({ Epochs: 10 });
  await app.runTraining();
  const path = await exported(t, app);
  const page = await opened(t, app, path, { viewport: { width: 320, height: 640 } });
  assert.equal(await page.title(), `${EVIL} – Headstart report`);
  await page.getByRole("heading", { level: 1, name: EVIL, exact: true }).waitFor();
  const table = page.getByRole("table", { name: "Confusion matrix", exact: true });
  const expected = [EVIL, ...SHAPES.slice(1)];
  assert.deepEqual((await table.getByRole("rowheader").allInnerTexts()).map(squeezed), expected.map(squeezed));
  assert.equal(await page.locator("script").count(), 0);
  assert.ok(!(await readFile(path, "utf8")).includes("<script"));
  await checkWidth({ page }, "the report");

  const pdf = await page.pdf({ format: "A4" });
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  const pages = pdf.toString("latin1").match(/\/Type\s*\/Page\b/g).length;
  assert.ok(pages >= 2 && pages <= 8, `${pages} pages`);
});

test("before a run there is nothing to report, and the button says so", async (t) => {
  const app = await open(t);
  await app.event("ready");
  const button = app.page.getByRole("button", { name: "Export report", exact: true });
  assert.equal(await button.getAttribute("aria-disabled"), "true");
  await button.click({ force: true });
  await app.alert(/no run to report on yet/, /Press Train first/);
});

test("the run record holds what was found out", { timeout: 180_000 }, async (t) => {
  const app = await open(t);
  await importShapes(app);
  await app.set({ Epochs: 10 });
  await app.runTraining();
  const before = await app.record();
  checkRecord(before);
  assert.equal(before.cross_validation, null);
  assert.equal(before.examination, null);
  const notHeldBack = before.classes.filter((_, at) => before.images[at].validation === 0);
  assert.deepEqual(before.not_held_back, notHeldBack);
  assert.deepEqual(before.images.map(({ test }) => test), [6, 3, 0]);
  for (const part of ["test", "validation"]) {
    const { accuracy, interval: [low, high], per_class: scores, macro_average: means } = before[part];
    assert.ok(low < accuracy + 1e-9 && accuracy < high + 1e-9 && low < high, `${part}: ${low} ${accuracy} ${high}`);
    assert.equal(scores.length, SHAPES.length);
    const finds = scores.filter(({ count }) => count > 0).map(({ recall }) => recall);
    assert.ok(Math.abs(means.recall - finds.reduce((sum, recall) => sum + recall, 0) / finds.length) < 1e-9);
  }
  assert.ok(before.calibration.temperature > 0);
  // Six of the nine test images really belong to their class.
  const { largest_class: largest, nearest_neighbours: neighbours } = before.baselines;
  assert.ok(neighbours > 0.5 && neighbours <= 6 / 9 + 1e-9 && largest <= 6 / 9 + 1e-9, JSON.stringify(before.baselines));
  const { known, known_kept: kept, hidden, auroc } = before.unknowns;
  assert.ok(known > 0 && kept <= known && hidden === known && auroc > 0.5, JSON.stringify(before.unknowns));

  await analyse(app, "Cross-validation", "Cross-validate", 1);
  await analyse(app, "Data doctor", "Examine the images", 2);
  const after = await app.record();
  const { folds, mean, images, confusion, accuracy } = after.cross_validation;
  assert.equal(folds.length, 5);
  assert.ok(Math.abs(mean - folds.reduce((sum, fold) => sum + fold, 0) / 5) < 1e-9);
  assert.equal(images.length, 24);
  assert.equal(confusion.flat().reduce((sum, count) => sum + count, 0), 24);
  assert.ok(images.every(({ image }) => /-train-\d+\.jpg$/.test(image)));
  assert.ok(Math.abs(accuracy - images.filter((image) => image.class === image.predicted).length / 24) < 1e-9);
  assert.ok(Array.isArray(after.examination.suspects) && Number.isInteger(after.examination.duplicates));

  // Findings on other images do not belong to this run.
  await app.upload("Stars", shapeEntries().filter(({ path }) => /test\/Stars/.test(path)).map(({ path, data }) => ({ name: path.split("/").at(-1), mimeType: "image/jpeg", buffer: Buffer.concat([data, Buffer.from([0])]) })));
  await until(async () => (await app.images("Stars").count()) === 11, "three more stars");
  await app.check.getByRole("tab", { name: "Results" }).click();
  await app.runTraining();
  const other = await app.record();
  assert.equal(other.cross_validation, null);
  assert.equal(other.examination, null);
});
