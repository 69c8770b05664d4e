// Everyone's page: axe-core at every stage, the keyboard alone, small screens, reduced motion.
// Takes about 45 s.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { suite, top, until } from "./support/app.mjs";
import { checkWidth, inBothColours } from "./support/axe.mjs";
import { FAKE_CAMERA } from "./support/browser.mjs";
import { SHAPES, shapes, unseenShapes } from "./support/fixtures.mjs";

const open = suite(FAKE_CAMERA);

/** Takes the page through its stages and calls `look` at each. */
async function walk(app, look) {
  await app.classes.first().waitFor();
  await app.event("ready");
  await look("empty");
  await app.addShapes();
  await app.upload("Circles", [{ name: "words.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no image") }]);
  await app.alert(/words\.jpg/);
  await look("images and an alert");
  await app.class("Circles").getByRole("button", { name: "Webcam", exact: true }).click();
  await app.class("Circles").getByRole("button", { name: "Hold to record", exact: true }).waitFor();
  await look("the camera is on");
  await app.openSettings();
  await app.set({ Epochs: 1000, "Batch size": 1 });
  await app.trainButton.click();
  await app.event("epoch", 2);
  await look("training, with the settings open");
  await app.stopButton.click();
  await app.event("training_stopped");
  await app.set({ Epochs: 10, "Batch size": 16 });
  await app.runTraining();
  await app.classify(unseenShapes("Circles")[0]);
  await look("trained, with a prediction");
  await app.openSettings();
  await app.train.getByRole("slider", { name: "Unfrozen blocks", exact: true }).fill("2");
  await app.train.getByRole("checkbox", { name: "Learn from varied copies, too", exact: true }).check();
  await app.train.getByRole("img", { name: /Varied copy/ }).nth(5).waitFor();
  await look("the settings of fine-tuning and of varied copies");
  for (const name of ["Compare", "See inside"]) {
    await app.check.getByRole("tab", { name, exact: true }).click();
    await app.check.getByRole("tabpanel", { name, exact: true }).getByText(/\S/).first().waitFor();
    if (name === "See inside") await app.event("inside");
    await look(name);
  }
  await app.train.getByRole("button", { name: "More backbones", exact: true }).click();
  await app.page.getByRole("dialog", { name: "Backbones", exact: true }).getByRole("button", { name: "Use SqueezeNet 1.1", exact: true }).waitFor();
  await look("the picker of backbones");
  await app.page.keyboard.press("Escape");
}

describe("axe-core", () => {
  for (const viewport of [{ width: 1440, height: 900 }, { width: 360, height: 740 }]) {
    const check = inBothColours(async (t, look) => {
      const app = await open(t, { context: { viewport, reducedMotion: "reduce" } });
      await walk(app, (stage) => look(app, `${viewport.width} px, ${stage}`));
    });
    for (const colorScheme of ["light", "dark"]) {
      test(`finds nothing serious, ${colorScheme}, ${viewport.width} px`, { timeout: 180_000 }, (t) => check(t, colorScheme));
    }
  }
});

test("nothing is wider than a screen of 320 pixels", { timeout: 180_000 }, async (t) => {
  const app = await open(t, { context: { viewport: { width: 320, height: 640 } } });
  await walk(app, (stage) => checkWidth(app, stage));
});

test("Collect, Train and Try stand side by side on a wide screen and below each other on a narrow one", async (t) => {
  for (const [width, before] of [
    [1440, (one, other) => one.x + one.width <= other.x],
    [360, (one, other) => one.y + one.height <= other.y && Math.abs(one.x - other.x) < 40],
  ]) {
    const app = await open(t, { context: { viewport: { width, height: 900 } } });
    await app.classes.first().waitFor();
    const boxes = [];
    for (const region of [app.classes.first(), app.train, app.try]) boxes.push(await region.boundingBox());
    assert.ok(before(boxes[0], boxes[1]) && before(boxes[1], boxes[2]), `${width} px: ${JSON.stringify(boxes)}`);
  }
});

test("nothing moves when reduced motion is asked for", { timeout: 180_000 }, async (t) => {
  const app = await open(t, { context: { reducedMotion: "reduce" } });
  await walk(app, async (stage) => {
    const moving = await app.page.evaluate(() =>
      document
        .getAnimations()
        .filter((animation) => animation.playState === "running" && Number(animation.effect?.getComputedTiming().duration) > 10)
        .map((animation) => `${animation.animationName ?? animation.transitionProperty} on ${animation.effect.target?.outerHTML.slice(0, 100)}`),
    );
    assert.deepEqual(moving, [], stage);
  });
});

test("the whole path by keyboard alone, with the focus visible", { timeout: 180_000 }, async (t) => {
  const app = await open(t);
  const { page } = app;
  // Playwright intercepts file choosers while somebody listens for them.
  // Without this, the key that opens one races with the message that asks for it.
  page.on("filechooser", () => {});
  await app.event("ready");

  /** What has the focus: its role and name, and whether the focus is visible. */
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const labelled = (element.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim();
      const name = (element.getAttribute("aria-label") || labelled || element.labels?.[0]?.textContent || element.textContent || "").replace(/\s+/g, " ").trim();
      const region = element.closest("section[aria-label], section[aria-labelledby], [role=region]");
      const regionName = region?.getAttribute("aria-label") ?? document.getElementById(region?.getAttribute("aria-labelledby") ?? "")?.textContent ?? "";
      // A file input may be hidden behind the label that looks like a button.
      const shown = [element, element.labels?.[0], element.parentElement].filter(Boolean);
      const visible = shown.some((candidate) => {
        const style = getComputedStyle(candidate);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
      });
      return { tag: element.tagName, name, region: regionName.trim(), visible, value: element.value };
    });

  /** Presses Tab until the element of that name in that region has the focus. */
  async function tabTo(name, region) {
    const passed = [];
    for (let press = 0; press < 250; press += 1) {
      await page.keyboard.press("Tab");
      const focus = await focused();
      if (!focus) continue;
      passed.push(`${focus.region}/${focus.name}`);
      assert.ok(focus.visible, `the focus on ${JSON.stringify(focus)} cannot be seen`);
      const fits = typeof name === "string" ? focus.name === name : name.test(focus.name);
      if (fits && (region === undefined || focus.region === region)) return;
    }
    assert.fail(`${region}/${name} is not reached with Tab; passed: ${[...new Set(passed)].join(", ")}`);
  }

  async function choose(key, files) {
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press(key)]);
    await chooser.setFiles(files);
  }

  await page.keyboard.press("Tab");
  const first = await focused();
  assert.match(first.name, /skip/i, "the first stop skips to the content");
  await page.keyboard.press("Enter");

  for (const [index, name] of ["Circles", "Stars"].entries()) {
    await tabTo("Class name", `Class ${index + 1}`);
    await page.keyboard.press("Control+A");
    await page.keyboard.type(name);
    await tabTo("Upload images", name);
    await choose("Enter", shapes(name));
    await app.hasImages(name, 8);
  }
  await tabTo("Train", "Train");
  await page.keyboard.press("Enter");
  await app.event("trained");
  await tabTo("Image to classify", "Try");
  await choose("Space", unseenShapes("Stars")[0]);
  await app.event("prediction");
  await until(async () => top(await app.prediction()) === "Stars", "a star recognised");

  // An image is deleted and brought back without a pointer, too.
  await tabTo(/^Delete .*circle-train-1\.jpg/, "Circles");
  await page.keyboard.press("Enter");
  await app.hasImages("Circles", 7);
  assert.notEqual(await focused(), null, "the focus is not lost with the image");
  await page.keyboard.press("Control+Z");
  await app.hasImages("Circles", 8);
});

test("names and roles are those of the design", async (t) => {
  const app = await open(t);
  await app.nameClasses(...SHAPES);
  const card = app.class("Circles");
  const { page } = app;
  for (const name of ["Webcam", "Delete class"]) await card.getByRole("button", { name, exact: true }).waitFor();
  await card.getByRole("textbox", { name: "Class name", exact: true }).waitFor();
  for (const [scope, name] of [[card, "Upload images"], [page, "Import images"], [app.try, "Image to classify"]]) {
    const input = scope.getByLabel(name, { exact: true });
    assert.equal(await input.getAttribute("type"), "file", name);
  }
  await page.getByRole("button", { name: "Add class", exact: true }).waitFor();
  await app.trainButton.waitFor();
  await app.openSettings();
  for (const name of ["Backbone", "Device"]) await app.train.getByRole("combobox", { name, exact: true }).waitFor();
  for (const name of ["Epochs", "Batch size", "Learning rate", "Seed"]) await app.train.getByRole("spinbutton", { name, exact: true }).waitFor();
  await app.try.getByRole("button", { name: "Webcam", exact: true }).waitFor();
  await page.getByRole("button", { name: "Download run record", exact: true }).waitFor();
  assert.ok((await page.getByRole("status").count()) >= 1);
  assert.equal(await page.getByRole("main").count(), 1);
  assert.equal(await page.getByRole("banner").count(), 1);
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
});
