// What several tests begin with: made once, and opened by each of them as a project.

import { readFile } from "node:fs/promises";
import { until } from "./app.mjs";

/**
 * Has the first test that needs it make something on a page of its own, and keeps it as a project's file.
 * The function that it returns opens a page with that project: nothing is embedded or trained there again.
 *
 * @param {(app: App) => Promise<void>} make
 * @returns {(t, open: (t, settings?) => Promise<App>, settings?) => Promise<App & {outcome: object}>} `outcome` is that of the last run
 *
 * @typedef {import("./app.mjs").App} App
 */
export function prepared(make) {
  let made;
  return async (t, open, settings) => {
    made ??= await keep(await open(t), make);
    const app = await open(t, settings);
    app.outcome = made.outcome;
    await app.event("ready");
    await app.page.getByLabel("Open project", { exact: true }).setInputFiles({ name: "prepared.headstart.zip", mimeType: "application/zip", buffer: made.file });
    // The engine is told of the images a moment after they are shown.
    await until(async () => (await told(app)) === made.images, `an engine that knows the ${made.images} images`);
    if (made.outcome) await app.check.getByRole("table", { name: "Confusion matrix" }).waitFor();
    return app;
  };
}

async function keep(app, make) {
  await make(app);
  const images = await told(app);
  const outcome = (await app.events("trained")).at(-1)?.body.outcome;
  const [download] = await Promise.all([app.page.waitForEvent("download"), app.page.getByRole("button", { name: "Save project", exact: true }).click()]);
  const file = await readFile(await download.path());
  await app.close();
  return { file, images, outcome };
}

/** Of how many images the page has told its engine. */
const told = async (app) => (await app.commands("add_samples")).reduce((sum, { body }) => sum + body.samples.length, 0);
