// Starts Chromium for the tests and the benchmark.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

/** Where Chromium is: the variable CHROMIUM, else Debian's place. */
export const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";

// Chromium's own traffic (updates, field trials, sync) is off, so that a test that forbids requests sees only those of the page.
const QUIET = [
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
];

/** Makes WebGPU available through SwiftShader, a software adapter: right for correctness, too slow for speed. */
export const SOFTWARE_WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** Chromium's built-in test picture as a camera. */
export const FAKE_CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"];

/**
 * @param {string[]} flags
 * @param {{gpu?: boolean}} [options] `gpu` leaves the graphics card to Chromium, which the benchmark wants and the tests do not
 */
export async function launch(flags = [], options = {}) {
  return chromium.launch(settings(flags, options));
}

/** A browser that keeps in `folder` what its pages store, as a person's browser does. */
export async function launchPersistent(folder) {
  return chromium.launchPersistentContext(folder, { ...settings([], {}), viewport: { width: 1440, height: 1000 }, serviceWorkers: "block" });
}

function settings(flags, { gpu = false }) {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`There is no Chromium at ${CHROMIUM}. Install it (Debian: apt-get install chromium), or set CHROMIUM to its path.`);
  }
  // Chromium's sandbox refuses to run as root, which most containers do.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return {
    executablePath: CHROMIUM,
    headless: true,
    args: [...QUIET, ...sandbox, ...(gpu ? [] : ["--disable-gpu"]), ...flags],
  };
}
