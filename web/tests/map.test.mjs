// The map of the data: drawn, moved, and selected from by pointer and keyboard, also with the picture of the camera on it.
// Takes about 40 s.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { suite, until } from "./support/app.mjs";
import { checkWidth, checkWithAxe } from "./support/axe.mjs";
import { FAKE_CAMERA } from "./support/browser.mjs";
import { film } from "./support/film.mjs";
import { shapes } from "./support/fixtures.mjs";
import { drag, drawMap, drawnMap, places } from "./support/map.mjs";
import { prepared } from "./support/prepared.mjs";
import { file, importSample, pictures, SAMPLE_COUNT } from "./support/sample.mjs";

const open = suite();
const COUNTS = { Birds: 19, Flowers: 19, Fruit: 18, Mammals: 19 };

const withSample = prepared(importSample);

/** Opens the page with the map of the sample pictures. */
async function withMap(t, settings) {
  const app = await withSample(t, open, settings);
  const panel = await drawMap(app);
  return { app, panel, canvas: panel.locator(".map-frame canvas"), status: panel.locator(".map-selection").getByRole("status") };
}

/** A line around the whole picture. */
async function around(canvas, inset = 3) {
  await canvas.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await canvas.boundingBox();
  const [left, right, upper, lower] = [x + inset, x + width - inset, y + inset, y + height - inset];
  return [{ x: left, y: upper }, { x: right, y: upper }, { x: right, y: lower }, { x: left, y: lower }];
}

test("the map is drawn twice, and says in words what it shows", async (t) => {
  const { app, panel, canvas } = await withMap(t);
  const maps = (await app.events("analysed")).map(({ body }) => body);
  assert.deepEqual(maps.map(({ findings, is_final }) => [findings.map.method, is_final]), [["pca", false], ["tsne", true]]);
  for (const { findings } of maps) {
    assert.equal(new Set(findings.map.points.map(({ id }) => id)).size, SAMPLE_COUNT);
    assert.ok(findings.map.points.every(({ x, y }) => Math.abs(x) <= 1 && Math.abs(y) <= 1));
    assert.ok(new Set(findings.map.points.map(({ x, y }) => `${x} ${y}`)).size > SAMPLE_COUNT / 2, "the images do not all lie in one place");
  }
  const words = await canvas.getAttribute("aria-label");
  assert.match(words, /^A map of 75 images: 19 Birds, 19 Flowers, 18 Fruit, 19 Mammals\. \S/);
  assert.ok(words.includes(await panel.locator(".map-side > p").first().innerText()), "the words about neighbours are there for everybody");
  for (const [name, count] of Object.entries(COUNTS)) await panel.getByRole("button", { name: `${name} ${count}`, exact: true }).waitFor();

  // Sharp on any screen: as many pixels as the screen has.
  const { pixels, points } = await canvas.evaluate((element) => ({ pixels: element.width, points: element.clientWidth * devicePixelRatio }));
  assert.ok(Math.abs(pixels - points) <= 1);
});

test("pointing shows an image, pressing opens it with its neighbours", async (t) => {
  const { app, panel } = await withMap(t);
  const dots = await places(app, panel);
  const { x, y } = [...dots.values()][0];
  await app.page.mouse.move(x, y);
  const tip = panel.locator(".map-tip");
  await tip.waitFor();
  const name = await tip.locator("span").first().innerText();
  await app.page.mouse.move(x + 1, y + 200);
  await app.page.mouse.move(5, 5);
  await tip.waitFor({ state: "detached" });
  await app.page.mouse.click(x, y);
  const dialog = app.page.getByRole("dialog", { name: `Images like ${name}` });
  await dialog.getByText("1 of 31").waitFor();
  assert.equal(await dialog.getByRole("img").first().getAttribute("alt"), name);
});

test("a line around images selects them: they move, are kept for testing, go, and come back", { timeout: 180_000 }, async (t) => {
  const { app, panel, canvas, status } = await withMap(t);
  await panel.getByRole("button", { name: "Select", exact: true }).click();
  await drag(app, await around(canvas));
  await status.getByText("75 images selected.").waitFor();
  await panel.getByRole("button", { name: "Select none" }).click();
  await status.getByText("Draw a line around images").waitFor();

  // A line around half of the picture selects what lies there.
  const box = await canvas.boundingBox();
  const dots = [...(await places(app, panel)).values()];
  const middle = box.x + box.width / 2;
  const corners = (await around(canvas)).map(({ x, y }) => ({ x: Math.min(x, middle), y }));
  const expected = dots.filter(({ x }) => x < middle).length;
  await drag(app, corners);
  const selected = Number(/^\d+/.exec(await until(async () => /^\d+ image/.test(await status.innerText()) && status.innerText(), "a selection"))[0]);
  assert.ok(Math.abs(selected - expected) <= 1 && selected > 5, `${selected} selected, ${expected} lie in the left half`);

  // With one class highlighted, only its own are selected.
  await panel.getByRole("button", { name: /^Birds/ }).click();
  await drag(app, await around(canvas));
  await status.getByText("19 images selected.").waitFor();
  await panel.getByRole("button", { name: "Keep for testing" }).click();
  await app.page.getByText("Kept 14 images aside for testing").waitFor();
  await app.page.keyboard.press("Control+Z");

  await drag(app, await around(canvas));
  await status.getByText("19 images selected.").waitFor();
  await panel.getByRole("combobox", { name: "Move to" }).selectOption({ label: "Fruit" });
  await app.hasImages("Fruit", 37);
  await app.hasImages("Birds", 0);
  await panel.getByRole("button", { name: "Fruit 37", exact: true }).waitFor();
  await app.page.keyboard.press("Control+Z");
  await app.hasImages("Birds", 19);

  await drag(app, await around(canvas));
  await status.getByText("19 images selected.").waitFor();
  await panel.getByRole("button", { name: "Delete", exact: true }).click();
  await app.hasImages("Birds", 0);
  await until(async () => /^A map of 56 images/.test(await canvas.getAttribute("aria-label")), "a map without them");
  await app.page.keyboard.press("Control+Z");
  await app.hasImages("Birds", 19);
  await until(async () => /^A map of 75 images/.test(await canvas.getAttribute("aria-label")), "a map with them");
});

test("with Shift, a line selects without the button, and adds to what is selected", async (t) => {
  const { app, panel, canvas, status } = await withMap(t);
  const [left, right, lowerRight, lowerLeft] = await around(canvas);
  const middle = (left.x + right.x) / 2;
  await app.page.keyboard.down("Shift");
  await drag(app, [left, { ...right, x: middle }, { ...lowerRight, x: middle }, lowerLeft]);
  await until(async () => /^\d+ images? selected/.test(await status.innerText()), "a selection");
  await drag(app, [{ ...left, x: middle }, right, lowerRight, { ...lowerLeft, x: middle }]);
  await app.page.keyboard.up("Shift");
  await status.getByText("75 images selected.").waitFor();
  await panel.getByRole("application").focus();
  await app.page.keyboard.press("Escape");
  await until(async () => !/selected/.test(await status.innerText()), "an empty selection");
});

test("wheel, drag and buttons zoom and move the map", async (t) => {
  const { app, panel, canvas } = await withMap(t);
  const picture = () => canvas.evaluate((element) => element.toDataURL());
  const whole = await picture();
  const dots = await places(app, panel);
  const { x, y } = [...dots.values()][0];

  // Whatever is under the pointer stays there.
  await app.page.mouse.move(x, y);
  await app.page.mouse.wheel(0, -400);
  await until(async () => (await picture()) !== whole, "a closer view");
  await app.page.mouse.move(x + 300, y);
  await app.page.mouse.move(x, y);
  await panel.locator(".map-tip").waitFor();

  const closer = await picture();
  await app.page.mouse.move(x + 60, y + 60);
  await app.page.mouse.down();
  await app.page.mouse.move(x + 10, y + 90, { steps: 4 });
  await app.page.mouse.up();
  await app.page.mouse.move(5, 5);
  await until(async () => (await picture()) !== closer, "a moved view");
  await panel.getByRole("button", { name: "Show all" }).click();
  await until(async () => (await picture()) === whole, "the whole map");
  await panel.getByRole("button", { name: "Zoom in" }).click();
  await until(async () => (await picture()) !== whole, "a closer view");
  await panel.getByRole("button", { name: "Zoom out" }).click();
  await until(async () => (await picture()) === whole, "the whole map");

  // Further out there is nothing, so there the wheel scrolls the page.
  await app.page.mouse.move(x, y);
  const before = await app.page.evaluate(() => scrollY);
  await app.page.evaluate(() => scrollTo(0, 0));
  await app.page.evaluate((top) => scrollTo(0, top), Math.max(0, before - 200));
  const start = await app.page.evaluate(() => scrollY);
  await app.page.mouse.wheel(0, 120);
  await until(async () => (await app.page.evaluate(() => scrollY)) > start, "a scrolled page");

  await panel.getByRole("button", { name: "Thumbnails" }).click();
  await until(async () => (await picture()) !== whole, "thumbnails");
});

test("the map works by keyboard alone", async (t) => {
  const { app, panel, canvas, status } = await withMap(t);
  const map = panel.getByRole("application", { name: "Map of the images" });
  const news = panel.locator(".map-picture").getByRole("status");
  await map.focus();
  await app.page.keyboard.press("ArrowRight");
  const first = await until(async () => (await news.innerText()) || false, "an image");
  assert.match(first, /^(Birds|Flowers|Fruit|Mammals), .+\.jpg/);
  await panel.locator(".map-tip").waitFor();
  const seen = new Set([first]);
  for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]) {
    for (let press = 0; press < 4; press += 1) {
      await app.page.keyboard.press(key);
      seen.add(await news.innerText());
    }
  }
  assert.ok(seen.size >= 6, `the arrows led to ${[...seen].join("; ")}`);

  await app.page.keyboard.press("Space");
  await status.getByText("1 image selected.").waitFor();
  assert.match(await news.innerText(), /, selected$/);
  await app.page.keyboard.press("Space");
  await until(async () => !/selected/.test(await status.innerText()), "an empty selection");

  const picture = () => canvas.evaluate((element) => element.toDataURL());
  const before = await picture();
  await app.page.keyboard.press("+");
  await until(async () => (await picture()) !== before, "a closer view");
  await app.page.keyboard.press("0");
  await until(async () => (await picture()) === before, "the whole map");

  const name = /, ([^,]+\.jpg)/.exec(await news.innerText())[1];
  await app.page.keyboard.press("Enter");
  const dialog = app.page.getByRole("dialog", { name: `Images like ${name}` });
  await dialog.waitFor();
  await app.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await until(() => map.evaluate((element) => element === document.activeElement), "the focus back on the map");
});

test("waiting for a map can be stopped, and an open map takes in new images by itself", async (t) => {
  const app = await open(t);
  await app.page.getByRole("button", { name: /sample pictures/i }).first().click();
  await app.event("sample_decoded");
  await app.check.getByRole("tab", { name: "Map", exact: true }).click();
  const panel = app.check.getByRole("tabpanel", { name: "Map", exact: true });
  await panel.getByRole("button", { name: "Draw the map" }).click();
  await panel.getByRole("progressbar", { name: "Drawing the map" }).waitFor();
  await panel.getByRole("button", { name: "Stop", exact: true }).click();
  await app.event("analysis_stopped");
  await panel.getByRole("progressbar").waitFor({ state: "detached" });

  await app.event("sample_embedded", SAMPLE_COUNT);
  await drawMap(app);
  await app.nameClasses("Birds", "Flowers", "Fruit", "Mammals", "Circles");
  await app.upload("Circles", shapes("Circles"));
  await panel.getByText("8 images are not on the map yet.").waitFor();
  await until(async () => (await drawnMap(app)).points.length === SAMPLE_COUNT + 8, "a map with the new images");
  await panel.getByRole("button", { name: "Circles 8", exact: true }).waitFor();
  await until(async () => (await panel.getByText("not on the map yet").count()) === 0, "no image left out");
});

describe("axe-core and the width", () => {
  for (const [colorScheme, width] of [["light", 1440], ["dark", 360]]) {
    test(`find nothing in the map, ${colorScheme}, ${width} px`, { timeout: 180_000 }, async (t) => {
      const { app, panel, canvas } = await withMap(t, { context: { colorScheme, viewport: { width, height: 800 }, reducedMotion: "reduce" } });
      await panel.getByRole("button", { name: "Select", exact: true }).click();
      await drag(app, await around(canvas, 30));
      await panel.getByRole("button", { name: /^Fruit/ }).click();
      await checkWithAxe(app, `${colorScheme}, ${width} px`);
      await checkWidth(app, `${colorScheme}, ${width} px`);
    });
  }
});

const BIRD = pictures("test", "Birds")[0];
const BIRD_FILM = film([BIRD], 60);

describe("a camera that shows a bird", () => {
  const launch = suite([...FAKE_CAMERA, BIRD_FILM]);

  /** How many pixels of the canvas have the colour of the marker. */
  const marked = (canvas) =>
    canvas.evaluate((element) => {
      const { data } = element.getContext("2d").getImageData(0, 0, element.width, element.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) count += data[at] === 255 && data[at + 1] === 181 && data[at + 2] === 36;
      return count;
    });

  test("its pictures appear on the map, live", { timeout: 180_000 }, async (t) => {
    const app = await withSample(t, launch);
    await app.runTraining();
    const panel = await drawMap(app);
    const canvas = panel.locator(".map-frame canvas");
    assert.equal(await marked(canvas), 0);
    await app.try.getByRole("button", { name: "Webcam", exact: true }).click();
    await panel.getByText("The picture in Try lies among “Birds”.").waitFor();
    await until(async () => (await marked(canvas)) > 50, "a marker");
    const { place } = (await app.events("prediction")).at(-1).body;
    assert.ok(place.every((value) => Math.abs(value) <= 1), `${place}`);
    await app.try.getByRole("button", { name: "Webcam", exact: true }).click();
    await panel.getByText("The picture in Try lies").waitFor({ state: "detached" });
    await until(async () => (await marked(canvas)) === 0, "a map without a marker");

    // An image from a file has its place, too.
    await app.classify(file("bird.jpg", BIRD));
    await panel.getByText("The picture in Try lies among “Birds”.").waitFor();
  });
});
