// Learning: the guided tour, the glossary, and the teachers' page.
// Takes about 35 s.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { suite, until } from "./support/app.mjs";
import { checkWidth, checkWithAxe } from "./support/axe.mjs";
import { DIST } from "./support/fixtures.mjs";

const PAGES = ["teachers.html", "glossary.html"];
const STEPS = [
  ["Welcome", ".welcome"],
  ["Collect", ".column-collect"],
  ["Train", ".column-train"],
  ["Try", ".column-try"],
  ["Check and keep", "#check"],
];

const open = suite();

const tour = (app) => app.page.locator(".tour");
const offer = (app) => app.page.getByRole("main").getByRole("button", { name: "Show me around", exact: true });
const offerAtTheEnd = (app) => app.page.getByRole("contentinfo").getByRole("button", { name: "Show me around", exact: true });
const focused = (app) => app.page.evaluate(() => document.activeElement?.textContent.trim());

/** Waits until the tour is at a step, and returns what it points at. */
async function at(app, step) {
  const [title, place] = STEPS[step];
  const { page } = app;
  await page.getByRole("dialog", { name: title, exact: true }).waitFor();
  await tour(app).getByText(`Step ${step + 1} of ${STEPS.length}`, { exact: true }).waitFor();
  assert.equal(await page.locator("[data-tour]").count(), 1);
  const shown = page.locator(`${place}[data-tour]`);
  // Both are on the screen, and the tour stands beside what it talks about: it ends where that begins.
  await until(async () => {
    const [box, part] = [await tour(app).boundingBox(), await shown.boundingBox()];
    const { height } = page.viewportSize();
    return box.y >= 0 && box.y + box.height <= part.y && part.y < height - 50 && part.y - (box.y + box.height) < 60;
  }, `the tour beside ${place}`);
  return shown;
}

describe("the tour", () => {
  test("goes by keyboard from part to part, and gives the focus back", async (t) => {
    const app = await open(t);
    const { page } = app;
    await offer(app).waitFor();
    assert.equal(await tour(app).count(), 0, "it does not begin by itself");
    await offer(app).focus();
    await page.keyboard.press("Enter");
    for (const step of STEPS.keys()) {
      await at(app, step);
      assert.equal(await focused(app), step < STEPS.length - 1 ? "Next" : "Done");
      await page.keyboard.press("Enter");
    }
    await tour(app).waitFor({ state: "detached" });
    assert.equal(await focused(app), "Show me around");
    assert.equal(await page.locator("[data-tour]").count(), 0);

    // Back, and Escape to end it, also from outside the tour.
    await page.keyboard.press("Enter");
    await at(app, 0);
    await page.keyboard.press("Enter");
    await at(app, 1);
    await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(app), "Back");
    await page.keyboard.press("Enter");
    await at(app, 0);
    await app.classes.first().getByRole("textbox", { name: "Class name", exact: true }).focus();
    await page.keyboard.press("Escape");
    await tour(app).waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "INPUT", "who works elsewhere keeps the focus");
  });

  test("is offered in the middle on the first visit, and at the end from then on", async (t) => {
    const app = await open(t);
    await offer(app).click();
    await at(app, 0);
    await tour(app).getByRole("button", { name: "End the tour", exact: true }).click();
    await tour(app).waitFor({ state: "detached" });
    await app.reload();
    await app.page.getByRole("button", { name: "Use the sample pictures", exact: true }).waitFor();
    assert.equal(await offer(app).count(), 0);
    assert.equal(await tour(app).count(), 0);
    await offerAtTheEnd(app).click();
    await at(app, 0);
  });

  test("is in nobody's way: the page works under it, and it follows", async (t) => {
    const app = await open(t);
    const { page } = app;
    await offer(app).click();
    await at(app, 0);
    await page.getByRole("button", { name: "Use the sample pictures", exact: true }).click();
    await app.hasImages("Birds", 19);
    // The welcome is gone; the tour points at where it was.
    assert.equal(await page.locator(".welcome").count(), 0);
    await page.locator(".column-collect[data-tour]").waitFor();
    await tour(app).getByRole("button", { name: "Next", exact: true }).click();
    await at(app, 1);
    await tour(app).getByRole("button", { name: "Next", exact: true }).click();
    await at(app, 2);
    await app.runTraining();
    // Whatever covers the page closes first.
    await app.train.getByText("How does it learn so fast?", { exact: true }).click();
    await app.train.getByRole("button", { name: "transfer learning", exact: true }).click();
    await page.getByRole("note").getByText(/minutes instead of days/).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("note").getByText(/minutes instead of days/).waitFor({ state: "hidden" });
    await page.getByRole("dialog", { name: "Train", exact: true }).waitFor();
    // Leaving a project ends its tour.
    await app.saved();
    await page.getByRole("button", { name: "All projects", exact: true }).click();
    await tour(app).waitFor({ state: "detached" });
    assert.equal(await offerAtTheEnd(app).count(), 0, "there is nothing to show");
    await page.getByRole("button", { name: "Open My project", exact: true }).click();
    await app.hasImages("Birds", 19);
    assert.equal(await tour(app).count(), 0);
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`is accessible on a small screen, ${colorScheme}, and still when that is asked for`, async (t) => {
      const app = await open(t, { context: { colorScheme, viewport: { width: 320, height: 640 }, reducedMotion: "reduce" } });
      await offer(app).click();
      for (const step of STEPS.keys()) {
        await at(app, step);
        await checkWithAxe(app, `the tour's step ${step + 1}`);
        await checkWidth(app, `the tour's step ${step + 1}`);
        const moving = await app.page.evaluate(() => document.getAnimations().filter((animation) => animation.playState === "running").length);
        assert.equal(moving, 0);
        assert.equal(await app.page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior), "auto");
        await tour(app).locator(".button-primary").click();
      }
      await tour(app).waitFor({ state: "detached" });
    });
  }
});

test("the glossary opens from a word, at that word, and knows every word of the interface", async (t) => {
  const app = await open(t);
  const { page } = app;
  await app.event("ready");
  await app.train.getByText("How does it learn so fast?", { exact: true }).click();
  await app.train.getByRole("button", { name: "embedding", exact: true }).click();
  const [glossary] = await Promise.all([
    page.context().waitForEvent("page"),
    page.getByRole("note").getByRole("link", { name: "All words", exact: true }).click(),
  ]);
  await glossary.getByRole("heading", { name: "Glossary", level: 1 }).waitFor();
  assert.equal(new URL(glossary.url()).hash, "#embedding");
  const word = glossary.locator("#embedding");
  await word.getByText(/list of numbers/).waitFor();
  assert.ok(await word.evaluate((element) => element.matches(":target") && element.getBoundingClientRect().top < innerHeight));

  const linked = await page.locator(".meaning a").evaluateAll((links) => links.map((link) => new URL(link.href).hash.slice(1)));
  const known = await glossary.locator("dl.words > div").evaluateAll((words) => words.map(({ id }) => id));
  assert.ok(linked.length > 5);
  assert.deepEqual(linked.filter((id) => !known.includes(id)), []);
  for (const id of ["pretrained", "feature", "fine-tuning", "augmentation", "class", "model", "accuracy", "probability"]) {
    assert.ok(known.includes(id), id);
  }
  assert.deepEqual(known, [...known].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)));
});

describe("the static pages", () => {
  test("open from the page's end, and all their links lead somewhere, without a network", { timeout: 120_000 }, async (t) => {
    const app = await open(t, { context: { serviceWorkers: "allow" } });
    const { page } = app;
    await page.getByText("This page now works without a network, too.", { exact: true }).waitFor();
    await page.context().setOffline(true);
    for (const [name, title] of [["For teachers", "For teachers"], ["Glossary", "Glossary"]]) {
      const [opened] = await Promise.all([
        page.context().waitForEvent("page"),
        page.getByRole("contentinfo").getByRole("link", { name, exact: true }).click(),
      ]);
      await opened.getByRole("heading", { name: title, level: 1 }).waitFor();
      // The stylesheets are found under the names that the build gave them.
      assert.equal(await opened.evaluate(() => [...document.styleSheets].every((sheet) => sheet.cssRules.length > 0) && document.styleSheets.length), 4);
      const broken = await opened.evaluate(async () => {
        const broken = [];
        const seen = new Map();
        for (const link of document.querySelectorAll("a[href]")) {
          const url = new URL(link.href);
          const fragment = decodeURIComponent(url.hash.slice(1));
          url.hash = "";
          if (!seen.has(url.href)) {
            const response = await fetch(url).catch(() => undefined);
            seen.set(url.href, response?.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : undefined);
          }
          const target = seen.get(url.href);
          if (!target || url.origin !== location.origin || (fragment && !target.getElementById(fragment))) broken.push(link.href);
        }
        return broken;
      });
      assert.deepEqual(broken, [], name);
      await opened.close();
    }
    await page.context().setOffline(false);
  });

  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1440, 320]) {
      test(`are accessible, ${colorScheme}, ${width} px`, async (t) => {
        const app = await open(t, { context: { colorScheme, viewport: { width, height: 800 } } });
        for (const name of PAGES) {
          await app.page.goto(`${app.site.url}/${name}`);
          await checkWithAxe(app, name);
          await checkWidth(app, name);
        }
      });
    }
  }

  test("wear the colours that were chosen in the app", async (t) => {
    const app = await open(t);
    await app.page.getByRole("button", { name: "Dark colours", exact: true }).click();
    for (const name of PAGES) {
      await app.page.goto(`${app.site.url}/${name}`);
      assert.equal(await app.page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(20, 22, 43)");
    }
  });

  test("obey the same security policy as the app", () => {
    const policy = (name) => /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(readFileSync(join(DIST, name), "utf8"))?.[1];
    for (const name of PAGES) assert.equal(policy(name), policy("index.html"), name);
  });

  test("the worksheet prints alone on one sheet", async (t) => {
    const app = await open(t, { prepare: (context) => context.addInitScript(() => (window.print = () => (window.printed = document.documentElement.dataset.print))) });
    const { page } = app;
    await page.goto(`${app.site.url}/teachers.html`);
    await page.getByRole("button", { name: "Print the worksheet", exact: true }).click();
    assert.equal(await page.evaluate(() => window.printed), "worksheet");
    await page.emulateMedia({ media: "print" });
    assert.deepEqual(await page.getByRole("heading", { level: 2 }).allInnerTexts(), ["Worksheet: our model"]);
    const sheets = (await page.pdf({ format: "A4" })).toString("latin1").match(/\/Type\s*\/Page\b/g);
    assert.equal(sheets.length, 1);
    await page.emulateMedia({ media: "screen" });
    await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
    assert.ok((await page.getByRole("heading", { level: 2 }).count()) > 5);
  });
});
