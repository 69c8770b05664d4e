// A browser for whoever wants to draw something: it is started when it is first needed, and ends with the file's tests.

import { after } from "node:test";
import { launch } from "./browser.mjs";

let browser;
after(async () => (await browser)?.close());

/** Runs `draw` in a page that shows nothing, and returns what it returns. */
export async function drawing(draw, given) {
  browser ??= launch();
  const page = await (await browser).newPage();
  try {
    return await page.evaluate(draw, given);
  } finally {
    await page.close();
  }
}
