// The sample pictures that ship with the page: photographs of one thing each on a plain background.

import { readFileSync } from "node:fs";
import { drawing } from "./drawing.mjs";
import { unzip } from "./zip.mjs";

const ENTRIES = unzip(readFileSync(new URL("../../sample/sample.zip", import.meta.url))).filter(({ path }) => path.endsWith(".jpg"));

/** How many there are, test images included. */
export const SAMPLE_COUNT = ENTRIES.length;

/** The bytes of a class's pictures in one part, `train` or `test`. */
export const pictures = (part, name) => ENTRIES.filter(({ path }) => path.includes(`${part}/${name}/`)).map(({ data }) => data);

/** A picture as a file input takes it. */
export const file = (name, buffer) => ({ name, mimeType: "image/jpeg", buffer });

/** Imports all sample pictures with one click and waits until they are embedded. */
export async function importSample(app) {
  await app.page.getByRole("button", { name: /sample pictures/i }).first().click();
  await app.event("sample_embedded", SAMPLE_COUNT);
}

/**
 * Draws pictures onto a grey background and returns it as a JPEG.
 *
 * @param {{data: Buffer, x: number, y: number, side: number}[]} parts where each picture goes, in pixels
 * @param {{width?: number, height?: number}} [size]
 */
export async function composed(parts, { width = 448, height = 448 } = {}) {
  const base64 = await drawing(
    async ({ parts, width, height }) => {
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d");
      context.fillStyle = "#9a9a9a";
      context.fillRect(0, 0, width, height);
      for (const { data, x, y, side } of parts) {
        const image = new Image();
        image.src = `data:image/jpeg;base64,${data}`;
        await image.decode();
        context.drawImage(image, x, y, side, side);
      }
      return canvas.toDataURL("image/jpeg", 0.92).split(",")[1];
    },
    { parts: parts.map((part) => ({ ...part, data: part.data.toString("base64") })), width, height },
  );
  return Buffer.from(base64, "base64");
}
