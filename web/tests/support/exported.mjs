// An exported model, and what Headstart itself predicts for the test images of the sample data set.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-web";
import { unzip } from "./zip.mjs";

// Threads would need other flags for Node, and the runs are short.
ort.env.wasm.numThreads = 1;

const SAMPLE = resolve(dirname(fileURLToPath(import.meta.url)), "../../sample/sample.zip");
/** The side of the default backbone's input. */
export const SIDE = 224;
const SLOW_MS = 240_000;

/** A folder that `crates/export/examples/sample_model.rs` has written, to test without the page. */
export const FOLDER = process.env.HEADSTART_EXPORT;

/**
 * @typedef {object} Exported
 * @property {Map<string, Buffer>} files  what the zip holds
 * @property {Float32Array[]} images      each [3, side, side], RGB from 0 to 255
 * @property {{name: string, probabilities: number[], familiarity: number}[]} expected  Headstart's own answers, in the same order
 */

/** @returns {Promise<Exported>} */
export async function madeNatively() {
  const read = (name) => readFile(join(FOLDER, name));
  const expected = JSON.parse(await read("expected.json"));
  const rgb = await read("images.rgb");
  const length = 3 * SIDE * SIDE;
  const images = expected.map((_, index) => planes(rgb.subarray(index * length, (index + 1) * length), 3));
  return { files: filesOf(await read("model.zip")), images, expected };
}

/**
 * Trains on the sample data set, presses `Export model`, and asks the page about every test image or every so many.
 *
 * @param {import("./app.mjs").App} app
 * @param {number} unfrozen  blocks that are trained with the head
 * @param {number} [every]
 * @returns {Promise<Exported>}
 */
export async function madeByThePage(app, unfrozen, every) {
  return exportedFrom(app, SIDE, () => trainOnSample(app, unfrozen), every);
}

export async function trainOnSample(app, unfrozen) {
  await app.import(SAMPLE);
  const all = unzip(await readFile(SAMPLE)).filter(({ path }) => path.endsWith(".jpg"));
  await app.event("sample_embedded", all.length, SLOW_MS);
  if (unfrozen > 0) {
    await app.openSettings();
    await app.train.getByRole("slider", { name: "Unfrozen blocks", exact: true }).fill(`${unfrozen}`);
    // Large steps, so that the exported weights are far from those at the start.
    await app.set({ "Validation share": 0, "Fine-tuning epochs": 3, "Fine-tuning rate": 0.001 });
  }
  await app.runTraining(SLOW_MS);
}

/** Exports what `train` has made, and asks the page about every test image of the sample or every so many, at the backbone's own size. */
export async function exportedFrom(app, side, train, every = 1) {
  await train();
  const tests = unzip(await readFile(SAMPLE)).filter(({ path }) => /^test\/.*\.jpg$/.test(path)).filter((_, at) => at % every === 0);
  const [download] = await Promise.all([
    app.page.waitForEvent("download"),
    app.page.getByRole("button", { name: "Export model", exact: true }).click(),
  ]);
  const files = filesOf(await readFile(await download.path()));
  const images = [];
  const expected = [];
  for (const { path, data } of tests) {
    const { rgba, png } = await scaled(app.page, data, side);
    await app.classify({ name: `${path.split("/").at(-1)}.png`, mimeType: "image/png", buffer: png });
    const { body } = (await app.events("prediction")).at(-1);
    expected.push({ name: path, probabilities: body.probabilities, familiarity: body.familiarity });
    images.push(planes(rgba, 4));
  }
  return { files, images, expected };
}

/** An image at the model's size, as RGBA bytes and as a PNG, so that nobody has to scale it. */
async function scaled(page, jpeg, side) {
  const [rgba, png] = await page.evaluate(
    async ([base64, side]) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
      const canvas = new OffscreenCanvas(side, side);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(bitmap, 0, 0, side, side);
      const { data } = context.getImageData(0, 0, side, side);
      const file = await canvas.convertToBlob({ type: "image/png" });
      const text = (bytes) => btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
      return [text(data), text(new Uint8Array(await file.arrayBuffer()))];
    },
    [jpeg.toString("base64"), side],
  );
  return { rgba: Buffer.from(rgba, "base64"), png: Buffer.from(png, "base64") };
}

/** An image of the model's size as a BMP, which every browser decodes to the same pixels. */
export function bitmap(image) {
  const area = image.length / 3;
  const side = Math.sqrt(area);
  const header = Buffer.alloc(54);
  header.write("BM");
  header.writeUInt32LE(54 + 3 * area, 2);
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(side, 18);
  // Negative: rows from the top.
  header.writeInt32LE(-side, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  const pixels = Buffer.alloc(3 * area);
  // Blue, green, red; rows of 224 pixels need no padding.
  for (let pixel = 0; pixel < area; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) pixels[pixel * 3 + 2 - channel] = image[channel * area + pixel];
  }
  return Buffer.concat([header, pixels]);
}

/** From pixel after pixel to plane after plane, without alpha. */
function planes(pixels, channels) {
  const area = pixels.length / channels;
  const image = new Float32Array(3 * area);
  for (let pixel = 0; pixel < area; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) image[channel * area + pixel] = pixels[pixel * channels + channel];
  }
  return image;
}

function filesOf(zip) {
  return new Map(unzip(zip).map(({ path, data }) => [path, data]));
}

/** Runs the exported graph over the test images; every answer must be Headstart's own. */
export async function compareWithOnnxRuntime(t, { files, images, expected }, batch) {
  const side = Math.sqrt(images[0].length / 3);
  const session = await ort.InferenceSession.create(files.get("model.onnx"), { executionProviders: ["wasm"] });
  const worst = { probabilities: 0, familiarity: 0 };
  for (let first = 0; first < images.length; first += batch) {
    const some = images.slice(first, first + batch);
    const data = new Float32Array(some.length * images[0].length);
    some.forEach((image, index) => data.set(image, index * image.length));
    const outputs = await session.run({ image: new ort.Tensor("float32", data, [some.length, 3, side, side]) });
    some.forEach((_, index) => {
      const { probabilities, familiarity } = expected[first + index];
      probabilities.forEach((probability, label) => {
        const theirs = outputs.probabilities.data[index * probabilities.length + label];
        worst.probabilities = Math.max(worst.probabilities, Math.abs(theirs - probability));
      });
      worst.familiarity = Math.max(worst.familiarity, Math.abs(outputs.familiarity.data[index] - familiarity));
    });
  }
  await session.release();
  t.diagnostic(`${images.length} images, largest differences ${JSON.stringify(worst)}`);
  assert.ok(worst.probabilities < 1e-3, `probabilities differ by ${worst.probabilities}`);
  assert.ok(worst.familiarity < 1e-3, `familiarity differs by ${worst.familiarity}`);
}
