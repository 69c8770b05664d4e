// An exported model, and what Headstart itself says of the test images of the sample data set.

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { unzip } from "./zip.mjs";

const SAMPLE = resolve(dirname(fileURLToPath(import.meta.url)), "../../sample/sample.zip");
/** The side of the model's input. */
export const SIDE = 224;
const AREA = SIDE * SIDE;
const SLOW_MS = 240_000;

/** A folder that `crates/export/examples/sample_model.rs` has written, to test without the page. */
export const FOLDER = process.env.HEADSTART_EXPORT;

/**
 * @typedef {object} Exported
 * @property {Map<string, Buffer>} files  what the zip holds
 * @property {Float32Array[]} images      each [3, 224, 224], RGB from 0 to 255
 * @property {{name: string, probabilities: number[], familiarity: number}[]} expected  Headstart's own answers, in the same order
 */

/** @returns {Promise<Exported>} */
export async function madeNatively() {
  const read = (name) => readFile(join(FOLDER, name));
  const expected = JSON.parse(await read("expected.json"));
  const rgb = await read("images.rgb");
  const images = expected.map((_, index) => planes(rgb.subarray(index * 3 * AREA, (index + 1) * 3 * AREA), 3));
  return { files: filesOf(await read("model.zip")), images, expected };
}

/**
 * Trains on the sample data set, presses `Export model`, and asks the page about every test image.
 *
 * @param {import("./app.mjs").App} app
 * @param {number} unfrozen  blocks that are trained with the head
 * @returns {Promise<Exported>}
 */
export async function madeByThePage(app, unfrozen) {
  await app.import(SAMPLE);
  const tests = unzip(await readFile(SAMPLE)).filter(({ path }) => /^test\/.*\.jpg$/.test(path));
  const all = unzip(await readFile(SAMPLE)).filter(({ path }) => path.endsWith(".jpg"));
  await app.event("sample_embedded", all.length, SLOW_MS);
  if (unfrozen > 0) {
    await app.openSettings();
    await app.train.getByRole("slider", { name: "Unfrozen blocks", exact: true }).fill(`${unfrozen}`);
    // Fast steps, so that what is exported is far from what it began with.
    await app.set({ "Validation share": 0, "Fine-tuning epochs": 3, "Fine-tuning rate": 0.001 });
  }
  await app.runTraining(SLOW_MS);
  const [download] = await Promise.all([
    app.page.waitForEvent("download"),
    app.page.getByRole("button", { name: "Export model", exact: true }).click(),
  ]);
  const files = filesOf(await readFile(await download.path()));
  const images = [];
  const expected = [];
  for (const { path, data } of tests) {
    const { rgba, png } = await scaled(app.page, data);
    await app.classify({ name: `${path.split("/").at(-1)}.png`, mimeType: "image/png", buffer: png });
    const { body } = (await app.events("prediction")).at(-1);
    expected.push({ name: path, probabilities: body.probabilities, familiarity: body.familiarity });
    images.push(planes(rgba, 4));
  }
  return { files, images, expected };
}

/** An image at the model's size, as RGBA bytes and as a PNG, so that nobody scales it in a way of his own. */
async function scaled(page, jpeg) {
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
    [jpeg.toString("base64"), SIDE],
  );
  return { rgba: Buffer.from(rgba, "base64"), png: Buffer.from(png, "base64") };
}

/** An image of the model's size as a BMP, which every browser decodes to the same pixels. */
export function bitmap(image) {
  const header = Buffer.alloc(54);
  header.write("BM");
  header.writeUInt32LE(54 + 3 * AREA, 2);
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(SIDE, 18);
  // Negative: rows from the top.
  header.writeInt32LE(-SIDE, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  const pixels = Buffer.alloc(3 * AREA);
  // Blue, green, red; rows of 224 pixels need no filling.
  for (let pixel = 0; pixel < AREA; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) pixels[pixel * 3 + 2 - channel] = image[channel * AREA + pixel];
  }
  return Buffer.concat([header, pixels]);
}

/** From pixel after pixel to plane after plane, without what stands behind red, green and blue. */
function planes(pixels, channels) {
  const image = new Float32Array(3 * AREA);
  for (let pixel = 0; pixel < AREA; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) image[channel * AREA + pixel] = pixels[pixel * channels + channel];
  }
  return image;
}

function filesOf(zip) {
  return new Map(unzip(zip).map(({ path, data }) => [path, data]));
}
