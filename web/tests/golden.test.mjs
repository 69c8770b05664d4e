// The features that the engine computes in the browser, on the CPU and on WebGPU, against ONNX Runtime's.
// The picture and its features are those of crates/backbones/tests/golden; tools/make-golden.py makes them.
// Takes about 30 s.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { suite } from "./support/app.mjs";
import { SOFTWARE_WEBGPU } from "./support/browser.mjs";
import { cosine, features } from "./support/checkpoint.mjs";

const FOLDER = new URL("../../crates/backbones/tests/golden/", import.meta.url);
const SLOW_MS = 240_000;

describe("the golden picture", () => {
  const open = suite(SOFTWARE_WEBGPU);

  for (const device of ["cpu", "webgpu"]) {
    test(`has the features of an independent implementation on ${device}`, { timeout: SLOW_MS }, async (t) => {
      const app = await open(t, { device });
      const [{ body }] = await app.event("ready", 1, SLOW_MS);
      assert.equal(body.device.kind, device);
      await app.page.evaluate(() => {
        window.__tap.workers[0].addEventListener("message", ({ data }) => {
          if (data[0].includes("sample_embedded")) window.__embedding = Array.from(data[1]);
        });
      });
      await app.nameClasses("Golden", "Other");
      await app.upload("Golden", [{ name: "golden.png", mimeType: "image/png", buffer: await readFile(new URL("input_0.png", FOLDER)) }]);
      await app.event("sample_embedded", 1, SLOW_MS);
      const ours = await app.page.evaluate(() => window.__embedding);
      const theirs = features(await readFile(new URL("expected.safetensors", FOLDER)));
      assert.equal(ours.length, theirs.length);
      const largest = Math.max(...ours.map((value, index) => Math.abs(value - theirs[index])));
      t.diagnostic(`${device}: cosine ${cosine(ours, theirs).toFixed(7)}, largest difference ${largest.toExponential(1)}`);
      assert.ok(largest <= 1e-3, `the largest difference is ${largest}`);
      assert.ok(cosine(ours, theirs) >= 0.9999);
    });
  }
});
