import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { suite, until } from "./support/app.mjs";
import { bitmap, compareWithOnnxRuntime, exportedFrom, trainOnSample } from "./support/exported.mjs";
const open = suite();
const SIDES = { inception_v3: 299, mobilenet_v2: 224, resnet18: 224, resnet50: 224, vgg16: 224, efficientnet_lite1: 240 };
for (const name of (process.env.NAMES ?? "resnet18").split(","))
  test(`${name}`, { timeout: 900_000 }, async (t) => {
    const app = await open(t);
    await app.event("ready");
    await app.openSettings();
    await app.train.getByRole("button", { name: "More backbones", exact: true }).click();
    const dialog = app.page.getByRole("dialog", { name: "Backbones", exact: true });
    await dialog.getByLabel("Open weights file", { exact: true }).setInputFiles(join("/tmp/ck", `${name}.safetensors`));
    await app.event("ready", 2, 300_000);
    const at = Date.now();
    const made = await exportedFrom(app, SIDES[name], () => trainOnSample(app, 1));
    t.diagnostic(`${name}: trained and asked in ${(Date.now() - at) / 1000} s`);
    const about = JSON.parse(made.files.get("model.json"));
    t.diagnostic(`${name}: ${about.preprocessing.size_px} px, ${about.run.settings.fine_tuning.blocks} block, files ${[...made.files].map(([n, d]) => `${n} ${d.length}`).join(", ")}`);
    const spread = made.expected.map(({ probabilities }) => Math.max(...probabilities));
    t.diagnostic(`${name}: top probabilities ${Math.min(...spread).toFixed(3)} to ${Math.max(...spread).toFixed(3)}`);
    await compareWithOnnxRuntime(t, made, 4);
    // heat
    await app.try.getByRole("checkbox", { name: /Show where it looks/i }).check().catch(async () => app.try.getByLabel(/heat|looks/i).first().check());
    await until(async () => (await app.events("prediction")).at(-1)?.body.heat, "heat", 60_000);
    const { heat } = (await app.events("prediction")).at(-1).body;
    t.diagnostic(`${name}: heat ${JSON.stringify(heat).slice(0, 120)}`);
    // page
    if (made.files.has("classify.html")) {
      const folder = await mkdtemp(join(tmpdir(), "hs-"));
      const path = join(folder, "classify.html");
      await writeFile(path, made.files.get("classify.html"));
      const page = await (await app.page.context().browser().newContext()).newPage();
      await page.goto(pathToFileURL(path).href);
      await page.getByText("Use the webcam, or choose, drop or paste an image.").waitFor({ timeout: 60_000 });
      let worst = 0;
      for (const [index, { name: file, probabilities }] of made.expected.slice(0, 4).entries()) {
        await page.getByLabel("Image to classify").setInputFiles({ name: `${file}.bmp`, mimeType: "image/bmp", buffer: bitmap(made.images[index]) });
        await page.getByRole("img", { name: `${file}.bmp` }).waitFor();
        await until(async () => {
          const shown = await page.getByRole("list", { name: "Prediction" }).getByRole("meter").evaluateAll((meters) => meters.map((meter) => Number(meter.getAttribute("aria-valuenow"))));
          const distance = Math.max(...probabilities.map((p, l) => Math.abs(p - shown[l])));
          if (distance < 1e-3) worst = Math.max(worst, distance);
          return distance < 1e-3;
        }, "page", 60_000);
      }
      t.diagnostic(`${name}: classify.html differs by ${worst}`);
    } else t.diagnostic(`${name}: no classify.html`);
  });
