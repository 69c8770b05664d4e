// What `Export model` gives, in the tools that it is for: ONNX in onnxruntime, and the page by itself.
// The model comes from the page; with HEADSTART_EXPORT set it comes from crates/export/examples/sample_model.rs.
// Takes about 60 s.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { suite, until } from "./support/app.mjs";
import { FAKE_CAMERA, launch } from "./support/browser.mjs";
import { bitmap, compareWithOnnxRuntime, FOLDER, madeByThePage, madeNatively, SIDE } from "./support/exported.mjs";

const SLOW_MS = 300_000;
/** The first comparison is with every test image; after that every third one does: there are some of each class among them. */
const SOME = 3;

describe("an exported model", () => {
  const open = FOLDER ? undefined : suite();
  let folder;
  let browser;
  /** @type {import("./support/exported.mjs").Exported} */
  let exported;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "headstart-export-"));
    browser = await launch(FAKE_CAMERA);
  });
  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("is a zip of every form", { timeout: SLOW_MS }, async (t) => {
    if (FOLDER) {
      exported = await madeNatively();
    } else {
      const app = await open(t);
      exported = await madeByThePage(app, 0);
    }
    const names = ["README.md", "model.json", "model.onnx", "model.safetensors", "predict.py", "continue_training.py", "LICENSE-weights"];
    for (const name of names) assert.ok(exported.files.has(name), `${name} is missing`);
    const about = JSON.parse(exported.files.get("model.json"));
    assert.equal(about.headstart_model, 1);
    assert.equal(about.classes.length, exported.expected[0].probabilities.length);
    assert.equal(about.preprocessing.size_px, SIDE);
    assert.deepEqual(about.run.classes, about.classes);
    assert.ok(exported.expected.length >= 20);
  });

  for (const batch of [1, 4]) {
    test(`gives the same probabilities in onnxruntime, ${batch} at a time`, { timeout: SLOW_MS }, async (t) => {
      if (!exported) return t.skip("nothing was exported");
      await compareWithOnnxRuntime(t, exported, batch);
    });
  }

  test("holds the last blocks as fine-tuning left them", { timeout: SLOW_MS }, async (t) => {
    if (FOLDER) return t.skip("the native example trains the head alone");
    const app = await open(t);
    const tuned = await madeByThePage(app, 2, SOME);
    await compareWithOnnxRuntime(t, tuned, 4);
    const frozen = exported.files.get("model.onnx");
    const before = new Map(exported.expected.map(({ name, probabilities }) => [name, probabilities]));
    const changed = tuned.expected.some(({ name, probabilities }) => probabilities.some((value, label) => Math.abs(value - before.get(name)[label]) > 0.01));
    assert.ok(changed, "a model with trained blocks says something else");
    assert.notDeepEqual(tuned.files.get("model.onnx"), frozen);
  });

  /** Opens the exported page as a double click does, without a network; ends with a check that it asked for nothing. */
  async function openFile(t, options = {}) {
    const path = join(folder, "classify.html");
    await writeFile(path, exported.files.get("classify.html"));
    const address = pathToFileURL(path).href;
    const context = await browser.newContext({ offline: true, ...options });
    const problems = [];
    context.on("request", (request) => {
      const url = request.url();
      if (url !== address && !/^(blob|data):/.test(url)) problems.push(`a request for ${url}`);
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(`an uncaught error: ${error.stack ?? error}`));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(`an error on the console: ${message.text()}`);
    });
    t.after(async () => {
      await context.close();
      assert.deepEqual(problems, []);
    });
    await page.goto(address);
    await page.getByText("Use the webcam, or choose, drop or paste an image.").waitFor({ timeout: 60_000 });
    return page;
  }

  const metersOf = (page) =>
    page.getByRole("list", { name: "Prediction" }).getByRole("meter").evaluateAll((meters) => meters.map((meter) => Number(meter.getAttribute("aria-valuenow"))));

  test("classifies by itself, opened as a file and without a network", { timeout: SLOW_MS }, async (t) => {
    if (!exported || (FOLDER && !exported.files.has("classify.html"))) return t.skip("there is no exported page");
    const page = await openFile(t, { viewport: { width: 360, height: 740 } });
    let worst = 0;
    for (const [index, { name, probabilities }] of exported.expected.entries()) {
      if (index % SOME > 0) continue;
      await page.getByLabel("Image to classify").setInputFiles({ name: `${name}.bmp`, mimeType: "image/bmp", buffer: bitmap(exported.images[index]) });
      await page.getByRole("img", { name: `${name}.bmp` }).waitFor();
      await until(async () => {
        const shown = await metersOf(page);
        const distance = Math.max(...probabilities.map((probability, label) => Math.abs(probability - shown[label])));
        worst = Math.max(worst, distance < 1e-3 ? distance : 0);
        return distance < 1e-3;
      }, `${name} with ${probabilities}`);
    }
    t.diagnostic(`largest difference ${worst}`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide at 360 px`);
  });

  test("says what it cannot read, and goes on with the webcam", { timeout: SLOW_MS }, async (t) => {
    if (!exported || (FOLDER && !exported.files.has("classify.html"))) return t.skip("there is no exported page");
    const page = await openFile(t);
    await page.getByLabel("Image to classify").setInputFiles({ name: "<b>text.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no image") });
    await page.getByText("<b>text.jpg is not an image that this browser can read.").waitFor();
    await page.getByRole("button", { name: "Webcam" }).click();
    await until(async () => (await metersOf(page)).some((value) => value > 0), "an answer for the camera's picture");
    await page.getByRole("button", { name: "Webcam" }).click();
    await page.getByRole("list", { name: "Prediction" }).waitFor({ state: "hidden" });
  });
});
