// What a fake camera shows.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

/**
 * Writes a film that shows each JPEG for some frames, over and over, and gives the flag that makes Chromium's fake camera play it.
 * Motion JPEG is a file of JPEGs one after another.
 *
 * @param {Buffer[]} images
 * @param {number} framesEach
 */
export function film(images, framesEach) {
  const folder = mkdtempSync(join(tmpdir(), "headstart-camera-"));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "film.mjpeg");
  writeFileSync(path, Buffer.concat(images.flatMap((image) => Array.from({ length: framesEach }, () => image))));
  return `--use-file-for-fake-video-capture=${path}`;
}
