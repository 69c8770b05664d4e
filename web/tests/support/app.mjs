// Drives the page as a person or an assistive technology does: by the accessible names that the design fixes.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { after, before } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { join } from "node:path";
import { launch } from "./browser.mjs";
import { DIST, SHAPES, shapes } from "./fixtures.mjs";
import { serve } from "./server.mjs";
import * as traces from "./traces.mjs";
import { ONE_PROCESS, Warm } from "./warm.mjs";

/** Long enough for a slow machine that also compiles; a test that hangs still ends. */
export const PATIENCE_MS = 60_000;

// A test cannot change what a service worker answers; only the offline tests let it in.
const CONTEXT = { viewport: { width: 1440, height: 1000 }, serviceWorkers: "block" };

/**
 * Starts a site and a browser before a file's tests and ends them after.
 * Returns `open`, which gives a test a fresh page in a browser that has stored nothing.
 *
 * @param {string[]} flags for Chromium
 * @param {{gpu?: boolean}} [options]
 */
export function suite(flags = [], options = {}) {
  let site;
  let browser;
  let warm;
  before(async () => {
    if (!existsSync(join(DIST, "index.html"))) {
      throw new Error(`There is no built site at ${DIST}. Run "cargo xtask dist" first, or set HEADSTART_DIST.`);
    }
    site = await serve({ "/": DIST, "/some/where/below/": DIST });
    browser = await launch([ONE_PROCESS, ...flags], options);
    warm = new Warm(browser, site, CONTEXT, tapWorkers);
  });
  after(async () => {
    await browser?.close();
    await site?.close();
  });
  return (t, settings) => App.open(t, { browser, site, warm }, settings);
}

/** Waits until `check` returns something true, and returns it. */
export async function until(check, what, timeoutMs = PATIENCE_MS) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const found = await check();
      if (found) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`, { cause: last });
    }
    await pause(40);
  }
}

// Runs in the page before anything else: notes what page and engine say to each other.
// The messages' form is that of crates/wire: an array whose first element is the JSON.
function tapWorkers() {
  const tap = { commands: [], events: [], workers: [], predicting: 0, mostPredicting: 0 };
  const asked = new Map();
  /** What a message is called, and what it holds. A question and its answer go by their own names, a failed one by the question's. */
  const read = (message) => {
    if (typeof message === "string") return { name: message };
    const [name, body] = Object.entries(message)[0];
    if (name === "ask") {
      const [question, content] = Object.entries(body.question)[0];
      asked.set(body.request, question);
      return { name: question, body: { request: body.request, ...content } };
    }
    if (name === "answered") {
      const question = asked.get(body.request);
      const [answer, content] = body.answer.Ok ? Object.entries(body.answer.Ok)[0] : [`${question}_failed`, body.answer.Err];
      return { name: answer, question, body: { request: body.request, ...content } };
    }
    return { name, body };
  };
  const parse = (data) => {
    try {
      return JSON.parse(data[0]);
    } catch {
      return { unreadable: String(data) };
    }
  };
  window.__tap = tap;
  window.Worker = class extends Worker {
    constructor(url, options) {
      super(url, options);
      tap.workers.push(this);
      tap.predicting = 0;
      this.addEventListener("message", ({ data }) => {
        const { name, question, body } = read(parse(data));
        // Findings come beside the message.
        if (name === "analysed") body.findings = JSON.parse(data[1]);
        tap.events.push({ name, at: performance.now(), body });
        if (question === "predict") tap.predicting -= 1;
      });
    }

    postMessage(data, transfer) {
      const { name, body } = read(parse(data));
      tap.commands.push({ name, at: performance.now(), body });
      if (name === "predict") {
        tap.predicting += 1;
        tap.mostPredicting = Math.max(tap.mostPredicting, tap.predicting);
      }
      super.postMessage(data, transfer ?? []);
    }
  };
}

export class App {
  /**
   * Opens the page in a browser context that has stored nothing, and closes it when the test is over.
   * A test's second page, and one with unusual settings, is in a context of its own.
   * The test fails if the page has asked another host for anything, thrown an error, or logged one to the console.
   *
   * @param {object} settings
   * @param {string} [settings.device]   `cpu` or `webgpu`, for `?device=`
   * @param {string} [settings.path]     where the page is, e.g. `/some/where/below/`
   * @param {object} [settings.context]  for Playwright's `newContext`
   * @param {RegExp[]} [settings.expectedErrors] errors on the console that belong to the test
   * @param {(context) => Promise<void>} [settings.prepare] runs before the page is opened, e.g. to answer requests; is given the context or the page
   * @param {boolean} [settings.isApart] whether the context is the test's own in any case
   */
  static async open(t, { browser, site, warm }, { device = "cpu", path = "/", context: options = {}, expectedErrors = [], prepare, isApart } = {}) {
    const shared = isApart ? undefined : await warm.take(options);
    const context = shared ?? (await browser.newContext({ ...CONTEXT, ...options }));
    const app = await App.in(t, context, site, { expectedErrors, prepare, giveBack: shared && (() => warm.giveBack()), options });
    app.address = `${site.url}${path}${device ? `?device=${device}` : ""}`;
    await app.page.goto(app.address);
    return app;
  }

  /** A page in an existing context, not yet at any address, watched as `open` describes. */
  static async in(t, context, site, { expectedErrors = [], prepare, giveBack, options = {} } = {}) {
    const problems = [];
    const noteRequest = (request) => {
      const url = request.url();
      if (!url.startsWith(`${site.url}/`) && !/^(blob|data):/.test(url)) problems.push(`a request to another host: ${url}`);
    };
    context.on("request", noteRequest);
    await traces.record(context);
    let page;
    if (giveBack) {
      // What is set on a shared context would stay there.
      page = await context.newPage();
      const { viewport, ...media } = options;
      if (viewport) await page.setViewportSize(viewport);
      await page.emulateMedia(media);
      await prepare?.(page);
    } else {
      await context.addInitScript(tapWorkers);
      await prepare?.(context);
      page = await context.newPage();
    }
    page.setDefaultTimeout(PATIENCE_MS);
    const note = (text) => {
      if (!expectedErrors.some((pattern) => pattern.test(text))) problems.push(text);
    };
    page.on("pageerror", (error) => note(`an uncaught error: ${error.stack ?? error}`));
    page.on("console", (message) => {
      if (message.type() === "error") note(`an error on the console: ${message.text()} (${message.location().url})`);
    });
    const app = new App(page, site);
    let isClosed = false;
    app.close = async () => {
      if (isClosed) return;
      isClosed = true;
      const crashes = await page.evaluate(() => window.__tap.events.filter(({ name }) => name === "crashed").map(({ body }) => body.message)).catch(() => []);
      for (const message of crashes) note(`the engine crashed: ${message}`);
      await traces.keep(t, context, t.error || problems.length > 0);
      context.off("request", noteRequest);
      await (giveBack ? giveBack() : context.close().catch(() => {}));
      assert.deepEqual(problems, []);
    };
    t.after(() => app.close());
    return app;
  }

  /** Another tab of the same browser, on the same site. */
  async anotherTab() {
    const page = await this.page.context().newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const app = new App(page, this.site);
    app.address = this.address;
    await page.goto(this.address);
    return app;
  }

  /** Reloads the page, as a person does by pressing F5. */
  async reload() {
    await this.page.reload();
  }

  /** Waits until the page says that everything is saved. It gathers the engine's events for a frame and learns of a change one frame after showing it; on a busy machine frames are long. */
  async saved() {
    await pause(150);
    await this.page.evaluate(async () => {
      for (let frame = 0; frame < 5; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
    });
    await this.page.getByText("Saved in this browser", { exact: true }).waitFor();
  }

  constructor(page, site) {
    this.page = page;
    this.site = site;
  }

  // --- regions ---------------------------------------------------------------------------------------

  get train() {
    return this.page.getByRole("region", { name: "Train", exact: true });
  }

  get check() {
    return this.page.getByRole("region", { name: "Check", exact: true });
  }

  get try() {
    return this.page.getByRole("region", { name: "Try", exact: true });
  }

  /** All class cards. */
  get classes() {
    return this.page.getByRole("region").filter({ has: this.page.getByRole("textbox", { name: "Class name", exact: true }) });
  }

  class(name) {
    return this.page.getByRole("region", { name, exact: true });
  }

  images(name) {
    return this.class(name).getByRole("img");
  }

  // --- messages --------------------------------------------------------------------------------------

  /** The text of every alert that is shown. */
  async alerts() {
    const texts = await this.page.getByRole("alert").allInnerTexts();
    return texts.map((text) => text.replace(/\s+/g, " ").trim()).filter((text) => text !== "");
  }

  /** Waits for an alert that matches every pattern, and returns its text. */
  alert(...patterns) {
    return until(
      async () => (await this.alerts()).find((text) => patterns.every((pattern) => pattern.test(text))),
      `an alert with ${patterns.join(" and ")}`,
    ).catch(async (error) => {
      throw new Error(`${error.message}; the alerts are: ${JSON.stringify(await this.alerts())}`);
    });
  }

  /** The text of every status message. */
  async status() {
    const texts = await this.page.getByRole("status").allInnerTexts();
    return texts.join(" ").replace(/\s+/g, " ").trim();
  }

  // --- what page and engine said to each other -------------------------------------------------------

  events(name) {
    return this.page.evaluate((name) => window.__tap.events.filter((event) => event.name === name), name);
  }

  count(name) {
    return this.page.evaluate((name) => window.__tap.events.filter((event) => event.name === name).length, name);
  }

  commands(name) {
    return this.page.evaluate((name) => window.__tap.commands.filter((command) => command.name === name), name);
  }

  /** Waits until the engine has sent `name` at least `times` times in total. */
  said(name, times = 1, timeoutMs = PATIENCE_MS) {
    return until(async () => (await this.count(name)) >= times, `${times} × the engine's event ${name}`, timeoutMs);
  }

  /** Does the same, and returns those events. */
  async event(name, times, timeoutMs) {
    await this.said(name, times, timeoutMs);
    return this.events(name);
  }

  // --- collect ---------------------------------------------------------------------------------------

  /** Names the page's classes from the first on, adding as many as are missing. */
  async nameClasses(...names) {
    await this.classes.first().waitFor();
    for (let index = await this.classes.count(); index < names.length; index += 1) {
      await this.page.getByRole("button", { name: "Add class", exact: true }).click();
      await this.classes.nth(index).waitFor();
    }
    for (const [index, name] of names.entries()) {
      const box = this.classes.nth(index).getByRole("textbox", { name: "Class name", exact: true });
      await box.fill(name);
      await box.press("Tab");
      await this.class(name).waitFor();
    }
  }

  upload(name, files) {
    return this.class(name).getByLabel("Upload images", { exact: true }).setInputFiles(files);
  }

  import(files) {
    return this.page.getByLabel("Import images", { exact: true }).setInputFiles(files);
  }

  /** Waits until a class shows exactly this many images. */
  hasImages(name, count, timeoutMs = PATIENCE_MS) {
    return until(async () => (await this.images(name).count()) === count, `${count} images in ${name}`, timeoutMs).catch(async (error) => {
      throw new Error(`${error.message}; there are ${await this.images(name).count()}; alerts: ${JSON.stringify(await this.alerts())}`);
    });
  }

  /** The three classes of shapes with their training images. */
  async addShapes() {
    await this.nameClasses(...SHAPES);
    for (const name of SHAPES) {
      await this.upload(name, shapes(name));
      await this.hasImages(name, shapes(name).length);
    }
  }

  // --- train -----------------------------------------------------------------------------------------

  /** Opens whatever is collapsed in Train and fills the given fields, e.g. `{Epochs: 10}`. */
  async set(fields) {
    await this.openSettings();
    for (const [name, value] of Object.entries(fields)) {
      await this.train.getByRole("spinbutton", { name, exact: true }).fill(String(value));
    }
  }

  async openSettings() {
    await this.train.locator("details").first().waitFor({ state: "attached" });
    await this.train.locator("details").evaluateAll((all) => all.forEach((details) => (details.open = true)));
  }

  get trainButton() {
    return this.train.getByRole("button", { name: "Train", exact: true });
  }

  get stopButton() {
    return this.train.getByRole("button", { name: "Stop", exact: true });
  }

  /** Presses Train although it says that it cannot start: the press is answered with the reason. */
  pressBlockedTrain() {
    return this.trainButton.click({ force: true });
  }

  /** Presses Train and waits for the run's end. */
  async runTraining(timeoutMs = PATIENCE_MS) {
    const before = (await this.events("trained")).length;
    await this.trainButton.click();
    await this.event("trained", before + 1, timeoutMs);
    await this.check.getByRole("table", { name: "Confusion matrix" }).waitFor();
    await this.stopButton.waitFor({ state: "hidden" });
  }

  /** Presses `Download run record` and reads the file. */
  async record() {
    const [download] = await Promise.all([
      this.page.waitForEvent("download"),
      this.page.getByRole("button", { name: "Download run record", exact: true }).click(),
    ]);
    assert.match(download.suggestedFilename(), /\.json$/);
    return JSON.parse(await readFile(await download.path(), "utf8"));
  }

  // --- try -------------------------------------------------------------------------------------------

  get meters() {
    return this.try.getByRole("list", { name: "Prediction", exact: true }).getByRole("meter");
  }

  /** The meters' values by class name. */
  async prediction() {
    const pairs = await this.meters.evaluateAll((meters) =>
      meters.map((meter) => [
        meter.getAttribute("aria-label") ??
          (meter.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim(),
        Number(meter.getAttribute("aria-valuenow") ?? meter.value),
      ]),
    );
    return Object.fromEntries(pairs);
  }

  /** Classifies a file in Try and returns the meters' values by class name. */
  async classify(file) {
    // After training the page asks again about the picture that it shows.
    await until(() => this.page.evaluate(() => window.__tap.predicting === 0), "the answers to all pictures before");
    const before = (await this.commands("predict")).length;
    await this.try.getByLabel("Image to classify", { exact: true }).setInputFiles(file);
    const answered = async () => {
      const asked = (await this.commands("predict")).slice(before).at(-1)?.body.request;
      return (await this.events("prediction")).find(({ body }) => body.request === asked)?.body.probabilities;
    };
    return until(async () => {
      const expected = await answered();
      const values = await this.prediction();
      const shown = Object.values(values);
      return shown.length === expected?.length && shown.every((value, index) => Math.abs(value - expected[index]) < 0.002) && values;
    }, "meters that show the newest answer");
  }
}

/** The class with the highest value. */
export function top(prediction) {
  return Object.entries(prediction).sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** The colours of an `img` as it is shown, at places given as shares of its width and height. */
export function coloursOf(image, places) {
  return image.evaluate(async (element, places) => {
    await element.decode();
    const canvas = document.createElement("canvas");
    canvas.width = element.naturalWidth;
    canvas.height = element.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(element, 0, 0);
    return {
      width: element.naturalWidth,
      height: element.naturalHeight,
      colours: places.map(([x, y]) => [...context.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data.slice(0, 3)]),
    };
  }, places);
}
