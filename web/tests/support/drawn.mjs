// As many images as a test wants, of three classes that a network can tell apart.

import { drawing } from "./drawing.mjs";

/** The classes' names. */
export const DRAWN = ["Lines", "Rings", "Tiles"];

/**
 * Draws `perClass` images of each class in a browser, whose JPEG encoder it uses; no two have the same bytes.
 *
 * @param {number} perClass
 * @returns {Promise<{path: string, data: Buffer}[]>} entries of a zip
 */
export async function drawImages(perClass) {
  const entries = [];
  for (const [index, name] of DRAWN.entries()) {
    for (let from = 0; from < perClass; from += 100) {
      const encoded = await drawing(draw, { index, from, count: Math.min(100, perClass - from) });
      for (const [offset, base64] of encoded.entries()) {
        entries.push({ path: `${name}/${String(from + offset).padStart(4, "0")}.jpg`, data: Buffer.from(base64, "base64") });
      }
    }
  }
  return entries;
}

// Runs in the page.
async function draw({ index, from, count }) {
  const canvas = new OffscreenCanvas(400, 300);
  const context = canvas.getContext("2d");
  const images = [];
  for (let number = from; number < from + count; number += 1) {
    let state = (index * 100_003 + number * 7919 + 1) >>> 0;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    context.fillStyle = `hsl(${360 * random()} 30% ${40 + 40 * random()}%)`;
    context.fillRect(0, 0, 400, 300);
    for (let shape = 0; shape < 20; shape += 1) {
      context.fillStyle = context.strokeStyle = `hsl(${360 * random()} 60% 50% / 0.6)`;
      context.lineWidth = 2 + 6 * random();
      const [x, y, size] = [400 * random(), 300 * random(), 10 + 60 * random()];
      context.beginPath();
      if (index === 0) {
        context.moveTo(x, y);
        context.lineTo(400 * random(), 300 * random());
        context.stroke();
      } else if (index === 1) {
        context.arc(x, y, size / 2, 0, 2 * Math.PI);
        context.stroke();
      } else {
        context.fillRect(x, y, size, size);
      }
    }
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 })).arrayBuffer());
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    images.push(btoa(text));
  }
  return images;
}
