// Weights files that the user opens: recognised by their tensors, kept, and used; and files that are none.
// With HEADSTART_CHECKPOINTS set to a folder that tools/make-backbone-goldens.py has written, every file in it is opened, too.
// Takes about 60 s.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { suite, top, until } from "./support/app.mjs";
import { SOFTWARE_WEBGPU } from "./support/browser.mjs";
import { cosine, golden, safetensors, squeezenet } from "./support/checkpoint.mjs";
import { unseenShapes } from "./support/fixtures.mjs";

const open = suite();
const FOLDER = process.env.HEADSTART_CHECKPOINTS;
const SLOW_MS = 300_000;

async function picker(app) {
  await app.openSettings();
  await app.train.getByRole("button", { name: "More backbones", exact: true }).click();
  const dialog = app.page.getByRole("dialog", { name: "Backbones", exact: true });
  await dialog.getByText(/about [\d.]+ m?s an image here/).first().waitFor({ timeout: 60_000 });
  return dialog;
}

const file = (name, buffer) => ({ name, mimeType: "application/octet-stream", buffer });

/** What the newest engine makes of a picture. */
async function embeddingOf(app, picture) {
  await app.page.evaluate(() => {
    window.__tap.workers.at(-1).addEventListener("message", ({ data }) => {
      if (data[0].includes("sample_embedded")) window.__embedding = Array.from(data[1]);
    });
  });
  await app.nameClasses("Golden", "Other");
  await app.upload("Golden", [{ name: "golden.png", mimeType: "image/png", buffer: picture }]);
  await app.event("sample_embedded", 1, SLOW_MS);
  return app.page.evaluate(() => window.__embedding);
}

test("a weights file of one's own is recognised, used, kept, and gives the features that PyTorch computes", { timeout: SLOW_MS }, async (t) => {
  const app = await open(t);
  await app.event("ready");
  const dialog = await picker(app);
  const { picture, features } = await golden("squeezenet1_1");
  await dialog.getByLabel("Open weights file", { exact: true }).setInputFiles(file("my squeezenet.safetensors", safetensors(squeezenet())));
  const [, { body }] = await app.event("ready", 2, SLOW_MS);
  assert.equal(body.backbone.choice.id, "squeezenet1-1");
  assert.equal(body.backbone.features, 512);
  await dialog.waitFor({ state: "hidden" });
  const ours = await embeddingOf(app, picture);
  t.diagnostic(`cosine ${cosine(ours, features).toFixed(7)}`);
  assert.ok(cosine(ours, features) >= 0.9999, `cosine ${cosine(ours, features)}`);
  const scale = Math.max(...features.map(Math.abs));
  const largest = Math.max(...ours.map((value, at) => Math.abs(value - features[at]))) / scale;
  assert.ok(largest < 2e-3, `features differ by ${largest} of the largest`);

  await app.saved();
  await app.reload();
  const newest = async () => (await app.events("ready")).at(-1)?.body.backbone.choice;
  await until(async () => (await newest())?.id === "squeezenet1-1", "the same backbone", SLOW_MS);
  assert.deepEqual(await newest(), body.backbone.choice);
  await app.hasImages("Golden", 1);
  assert.equal((await app.events("sample_embedded")).length, 0, "nothing is embedded twice");
  const kept = await picker(app);
  await kept.getByText(/From my squeezenet\.safetensors, 1\.\d MB in this browser/).waitFor();
});

describe("on WebGPU", () => {
  const openOnGpu = suite(SOFTWARE_WEBGPU);

  test("other backbones give the features that PyTorch computes", { timeout: SLOW_MS }, async (t) => {
    const app = await openOnGpu(t, { device: "webgpu" });
    await app.event("ready", 1, SLOW_MS);
    await app.openSettings();
    await app.train.getByRole("button", { name: "More backbones", exact: true }).click();
    const dialog = app.page.getByRole("dialog", { name: "Backbones", exact: true });
    const { picture, features } = await golden("squeezenet1_1");
    await dialog.getByLabel("Open weights file", { exact: true }).setInputFiles(file("mine.safetensors", safetensors(squeezenet())));
    const [, { body }] = await app.event("ready", 2, SLOW_MS);
    assert.equal(body.device.kind, "webgpu");
    const ours = await embeddingOf(app, picture);
    t.diagnostic(`cosine ${cosine(ours, features).toFixed(7)}`);
    assert.ok(cosine(ours, features) >= 0.9999, `cosine ${cosine(ours, features)}`);
  });
});

test("a file that fits no model is refused by name, and nothing changes", { timeout: SLOW_MS }, async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.event("sample_embedded", 24);
  const dialog = await picker(app);
  const input = dialog.getByLabel("Open weights file", { exact: true });
  const refused = async (upload, words) => {
    await input.setInputFiles(upload);
    await app.alert(words);
  };
  await refused(file("letter.pth", Buffer.from("Dear Sir or Madam")), /letter\.pth cannot be used.*cannot be read as weights/s);
  await refused(file("mine.safetensors", safetensors({ "layer.weight": [4, 4] })), /mine\.safetensors cannot be used.*layer\.weight/s);
  const shapes = squeezenet();
  delete shapes["features.12.expand3x3.bias"];
  shapes["features.3.squeeze.weight"] = [16, 32, 1, 1];
  await refused(file("cut.safetensors", safetensors(shapes)), /cut\.safetensors cannot be used.*SqueezeNet 1\.1.*features\.12\.expand3x3\.bias.*features\.3\.squeeze\.weight/s);
  // A pickle that would call os.system: protocol 2, GLOBAL, a string, TUPLE1, REDUCE, STOP.
  const hostile = Buffer.concat([Buffer.from([0x80, 2]), Buffer.from("cposix\nsystem\n"), Buffer.from("X\x04\x00\x00\x00true"), Buffer.from([0x85, 0x52, 0x2e])]);
  await refused(file("hostile.pth", hostile), /hostile\.pth cannot be used/);
  assert.equal((await app.events("ready")).length, 1, "the same engine goes on");
  assert.equal((await app.events("sample_embedded")).length, 24);
  await app.page.keyboard.press("Escape");
  await app.set({ Epochs: 10 });
  await app.runTraining();
  assert.equal(top(await app.classify(unseenShapes("Stars")[0])), "Stars");
});

test("weights whose file is gone make way for those of the page", { timeout: SLOW_MS }, async (t) => {
  const app = await open(t);
  await app.event("ready");
  const dialog = await picker(app);
  await dialog.getByLabel("Open weights file", { exact: true }).setInputFiles(file("mine.safetensors", safetensors(squeezenet())));
  await app.event("ready", 2, SLOW_MS);
  await app.nameClasses("A", "B");
  await app.upload("A", unseenShapes("Stars").slice(0, 1));
  await app.saved();
  await app.page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open("headstart");
        request.onerror = reject;
        request.onsuccess = () => {
          const transaction = request.result.transaction("weights", "readwrite");
          transaction.objectStore("weights").clear();
          transaction.oncomplete = () => resolve(request.result.close());
        };
      }),
  );
  await app.reload();
  await app.alert(/The weights of SqueezeNet 1\.1 are not here/);
  const [{ body }] = await app.event("ready", 1, SLOW_MS);
  assert.equal(body.backbone.choice.id, "efficientnet-lite0");
  await app.event("sample_embedded");
});

for (const [device, flags] of [["cpu", []], ["webgpu", SOFTWARE_WEBGPU]]) {
  describe(`files of published models, on ${device}`, () => {
    const openOn = suite(flags);

    test("give the golden features", { timeout: 3_600_000 }, async (t) => {
      if (!FOLDER) return t.skip("HEADSTART_CHECKPOINTS names no folder");
      const folder = pathToFileURL(`${resolve(FOLDER)}/`);
      const names = await readdir(FOLDER);
      const files = names.filter((name) => (device === "cpu" ? /\.pth$|(?<!features|hidden)\.safetensors$/ : /(?<!features|hidden)\.safetensors$/).test(name));
      assert.ok(files.length > 0);
      const check = async (name, isHidden) => {
        const app = await openOn(t, { device });
        await app.event("ready", 1, SLOW_MS);
        const dialog = await picker(app);
        const { picture, features } = await golden(name.split(".")[0], folder, isHidden ? "hidden" : "features");
        if (isHidden) await dialog.getByRole("checkbox", { name: /fully connected/ }).check();
        await dialog.getByLabel("Open weights file", { exact: true }).setInputFiles(join(FOLDER, name));
        const [, { body }] = await app.event("ready", 2, SLOW_MS);
        assert.equal(body.device.kind, device);
        assert.equal(body.backbone.features, features.length);
        const ours = await embeddingOf(app, picture);
        t.diagnostic(`${name}: ${body.backbone.choice.id}, ${features.length} features, cosine ${cosine(ours, features).toFixed(7)}`);
        assert.ok(cosine(ours, features) >= 0.9999, `${name}: cosine ${cosine(ours, features)}`);
      };
      for (const name of files) await check(name, false);
      if (names.includes("vgg16.hidden.safetensors")) await check("vgg16.safetensors", true);
    });
  });
}

test("another size of numbers is stored, and says nearly the same", { timeout: SLOW_MS }, async (t) => {
  const app = await open(t);
  await app.event("ready");
  const dialog = await picker(app);
  const { picture, features } = await golden("squeezenet1_1");
  await dialog.getByRole("checkbox", { name: /Store it in 8 bits/ }).check();
  await dialog.getByLabel("Open weights file", { exact: true }).setInputFiles(file("small.safetensors", safetensors(squeezenet())));
  await app.event("ready", 2, SLOW_MS);
  const ours = await embeddingOf(app, picture);
  t.diagnostic(`cosine ${cosine(ours, features).toFixed(7)}`);
  assert.ok(cosine(ours, features) >= 0.999, `cosine ${cosine(ours, features)}`);
  const kept = await picker(app);
  // 998,344 bytes as for the shipped weights, which have the same shapes; in 16 bits it would be 1.4 MB.
  await until(async () => /, 1\.0 MB in this browser, in 8 bits\. .* is (0\.999\d|1\.0000)\./.test(await kept.innerText()), "the size of the kept file, and what was measured");

  // Weights of a thousand on a channel that is always zero change nothing by themselves, but next to them 8 bits leave nothing of the others.
  const coarse = safetensors(squeezenet(), (name, numbers, shape) => {
    if (!/^features\.1[12]\./.test(name)) return;
    if (name.endsWith("squeeze.weight")) numbers.fill(0, 0, shape[1]);
    if (name.endsWith("squeeze.bias")) numbers[0] = 0;
    if (name.endsWith("expand3x3.weight")) for (let row = 0; row < shape[0]; row += 1) numbers.fill(1000, row * shape[1] * 9, row * shape[1] * 9 + 9);
  });
  await kept.getByRole("checkbox", { name: /Store it in 8 bits/ }).check();
  await kept.getByLabel("Open weights file", { exact: true }).setInputFiles(file("coarse.safetensors", coarse));
  await app.event("ready", 3, SLOW_MS);
  const again = await picker(app);
  await again.getByText(/^From coarse\.safetensors, 1\.5 MB in this browser, in 16 bits: in 8 bits the cosine of its features to those of the file would be 0\.\d{4}, and less than 0\.999 is too little\.$/).waitFor();
});
