// Makes docs/screenshots from the built site: three widths, light and dark, the sample pictures trained and one recognised; Check's results, map, comparison and look inside; and the backbones.
//
//   npm run screenshots

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { launch } from "./support/browser.mjs";
import { DIST } from "./support/fixtures.mjs";
import { serve } from "./support/server.mjs";
import { unzip } from "./support/zip.mjs";

const FOLDER = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
const WIDTHS = { desktop: [1440, 1000], tablet: [768, 1024], phone: [360, 780] };

const sample = unzip(await readFile(new URL("../sample/sample.zip", import.meta.url)));
const { data: buffer } = sample.find(({ path }) => /test\/Birds\/.*\.jpg$/.test(path));
const site = await serve({ "/": DIST });
const browser = await launch();
for (const [width, [x, y]] of Object.entries(WIDTHS)) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width: x, height: y }, colorScheme, reducedMotion: "reduce", bypassCSP: true });
    const page = await context.newPage();
    await page.goto(`${site.url}/?device=cpu`);
    await page.getByRole("button", { name: /sample pictures/i }).click();
    const train = page.getByRole("region", { name: "Train", exact: true });
    const status = page.getByRole("status").first();
    await status.getByText(/found/i).waitFor();
    await train.getByRole("button", { name: "Train", exact: true }).click();
    await page.getByRole("table", { name: "Confusion matrix" }).waitFor({ timeout: 120_000 });
    await page.getByLabel("Image to classify", { exact: true }).setInputFiles({ name: "bird.jpg", mimeType: "image/jpeg", buffer });
    await page.getByRole("list", { name: "Prediction", exact: true }).waitFor();
    await page.waitForTimeout(500);
    await page.evaluate(() => window.scrollTo(0, 0));
    // On a phone one screen shows too little: the whole length, with every image drawn.
    const fullPage = width !== "desktop";
    if (fullPage) await page.addStyleTag({ content: ".chunk { content-visibility: visible !important }" });
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${FOLDER}${width}-${colorScheme}.png`, fullPage });
    if (width === "desktop") await checkScreens(page, colorScheme);
    await context.close();
  }
}
await browser.close();
await site.close();

/** Check's results, the map of the data, a comparison and a look inside, and the dialog with the backbones. */
async function checkScreens(page, colorScheme) {
  const check = page.getByRole("region", { name: "Check", exact: true });
  await page.addStyleTag({ content: ".masthead { position: static !important }" });
  await check.screenshot({ path: `${FOLDER}check-${colorScheme}.png` });
  await check.getByRole("tab", { name: "Map", exact: true }).click();
  const draw = check.getByRole("button", { name: "Draw the map", exact: true });
  if (await draw.isVisible()) await draw.click();
  await page.getByRole("status").first().getByText("The map is ready.").waitFor();
  await page.waitForTimeout(500);
  await check.screenshot({ path: `${FOLDER}map-${colorScheme}.png` });

  await check.getByRole("tab", { name: "Compare", exact: true }).click();
  await check.getByRole("combobox", { name: "Repeat each run", exact: true }).selectOption("1");
  await check.getByRole("button", { name: "Compare", exact: true }).click();
  await page.getByRole("status").first().getByText("The comparison is done.").waitFor({ timeout: 600_000 });
  await page.waitForTimeout(500);
  await check.screenshot({ path: `${FOLDER}compare-${colorScheme}.png` });

  await check.getByRole("tab", { name: "See inside", exact: true }).click();
  await check.getByRole("tabpanel", { name: "See inside", exact: true }).locator("canvas").first().waitFor();
  await page.waitForTimeout(1500);
  await check.screenshot({ path: `${FOLDER}inside-${colorScheme}.png` });

  await page.getByRole("region", { name: "Train", exact: true }).locator("details").evaluateAll((all) => all.forEach((details) => (details.open = true)));
  await page.getByRole("button", { name: "More backbones", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Backbones", exact: true });
  await dialog.getByText(/about [\d.]+ m?s an image here/).first().waitFor();
  await page.waitForTimeout(500);
  await page.screenshot({ path: `${FOLDER}backbones-${colorScheme}.png` });
  await page.keyboard.press("Escape");
}
