// Where the model looked, what covering a part changes, and images of none of the classes.
// Takes about 45 s.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { suite, top, until } from "./support/app.mjs";
import { checkWidth, checkWithAxe } from "./support/axe.mjs";
import { FAKE_CAMERA } from "./support/browser.mjs";
import { film } from "./support/film.mjs";
import { as, SHAPES, unseenShapes } from "./support/fixtures.mjs";
import { drawMap, places } from "./support/map.mjs";
import { prepared } from "./support/prepared.mjs";
import { composed, file, importSample, pictures } from "./support/sample.mjs";

const [bird] = pictures("test", "Birds");
const [flower] = pictures("test", "Flowers");
const STRANGER = unseenShapes("Squares")[0];
const STRANGERS = SHAPES.flatMap((name) => unseenShapes(name));
const CORNERS = { "top left": [0, 0], "top right": [1, 0], "bottom left": [0, 1], "bottom right": [1, 1] };

/** A picture in one quarter of a grey square. */
const inCorner = (data, [x, y]) => ({ data, x: 8 + x * 224, y: 8 + y * 224, side: 208 });

const open = suite();

/** Opens the page with a model of the sample pictures. */
const trained = prepared(async (app) => {
  await importSample(app);
  await app.runTraining();
});

const looked = (scope) => scope.getByRole("button", { name: "Where it looked", exact: true });

/** The quarter that most of a square grid's positive values lie in. */
function hottest({ side, values }, sign = 1) {
  const sums = Object.fromEntries(Object.keys(CORNERS).map((name) => [name, 0]));
  for (const [index, value] of values.entries()) {
    const [x, y] = [(index % side) + 0.5 - side / 2, Math.floor(index / side) + 0.5 - side / 2];
    if (x === 0 || y === 0 || value * sign <= 0) continue;
    sums[`${y < 0 ? "top" : "bottom"} ${x < 0 ? "left" : "right"}`] += value * sign;
  }
  return top(sums);
}

/** The quarter of a canvas in which most is drawn. */
async function mostDrawn(canvas) {
  const drawn = await canvas.evaluate((element) => {
    const { data } = element.getContext("2d").getImageData(0, 0, element.width, element.height);
    return { side: element.width, values: Array.from({ length: data.length / 4 }, (_, at) => data[4 * at + 3]) };
  });
  return hottest(drawn);
}

const lastHeat = async (app) => (await app.events("prediction")).at(-1).body.heat;

describe("heat in Try", () => {
  test("lands in the quarter that the thing is in", { timeout: 180_000 }, async (t) => {
    const app = await trained(t, open);
    await app.classify(file("bird.jpg", bird));
    assert.equal(await lastHeat(app), null, "heat is computed only when it is asked for");
    await looked(app.try).click();
    for (const [name, place] of Object.entries(CORNERS)) {
      await app.classify(file(`${name}.jpg`, await composed([inCorner(bird, place)])));
      await app.try.getByText(`is at the ${name}.`).waitFor();
      assert.equal(hottest(await lastHeat(app)), name);
      const canvas = app.try.getByRole("img", { name: /^Most of the heat for “Birds” is at the/ });
      assert.equal(await mostDrawn(canvas), name);
    }
    await looked(app.try).click();
    await app.try.locator(".heat-layer").waitFor({ state: "detached" });
  });

  test("is shown for the class that is picked", async (t) => {
    const app = await trained(t, open);
    await app.classify(file("both.jpg", await composed([inCorner(bird, [0, 0]), inCorner(flower, [1, 1])])));
    await looked(app.try).click();
    const picker = app.try.getByRole("combobox", { name: "Heat for" });
    for (const [name, place] of [["Birds", "top left"], ["Flowers", "bottom right"]]) {
      await picker.selectOption({ label: name });
      await app.try.getByText(`Most of the heat for “${name}” is at the ${place}.`).waitFor();
      const heat = await lastHeat(app);
      assert.equal(heat.class, ["Birds", "Flowers"].indexOf(name));
      assert.equal(hottest(heat), place);
    }
    await picker.selectOption({ index: 0 });
    await app.try.getByText(/^Most of the heat for/).waitFor();
  });

  test("lies over the square that the model sees, in wide and in tall images", async (t) => {
    const app = await trained(t, open);
    for (const [width, height] of [[640, 320], [320, 640]]) {
      const image = await composed([{ data: bird, x: width / 2 - 150, y: height / 2 - 150, side: 300 }], { width, height });
      await app.classify(file(`${width}.jpg`, image));
      if (width === 640) await looked(app.try).click();
      const layer = await until(() => app.try.locator(".heat-layer").boundingBox(), "the heat");
      const stage = await app.try.locator(".stage").boundingBox();
      // The stage is a square that shows the whole image, so the seen square has half of its side and its middle.
      assert.ok(Math.abs(layer.width - stage.width / 2) < 2 && Math.abs(layer.height - stage.height / 2) < 2, JSON.stringify({ layer, stage }));
      assert.ok(Math.abs(layer.x + layer.width / 2 - stage.x - stage.width / 2) < 1);
      assert.ok(Math.abs(layer.y + layer.height / 2 - stage.y - stage.height / 2) < 1);
      await app.try.getByText("the dark rim is cut off").waitFor();
    }
  });
});

test("covering parts of an image says what they are worth, and can be stopped", { timeout: 180_000 }, async (t) => {
  const app = await trained(t, open);
  const image = await composed([inCorner(bird, [1, 0]), { ...inCorner(flower, [0, 1]), side: 150 }]);
  await app.upload("Birds", [file("corner.jpg", image)]);
  await app.event("sample_embedded");
  await app.runTraining();
  // The image's dot on the map leads to the image itself, which came last.
  const panel = await drawMap(app);
  const dots = await places(app, panel);
  const { x, y } = dots.get(Math.max(...dots.keys()));
  await app.page.mouse.click(x, y);
  await app.page.getByRole("dialog", { name: "Images like corner.jpg" }).waitFor();
  const dialog = app.page.getByRole("dialog");
  const cover = dialog.getByRole("button", { name: "Cover and see" });

  await cover.click();
  await dialog.getByRole("progressbar", { name: "Covering the image’s parts" }).waitFor();
  await app.event("analysis_progress");
  await dialog.getByRole("button", { name: "Stop", exact: true }).click();
  await app.event("analysis_stopped");
  await dialog.getByRole("progressbar").waitFor({ state: "detached" });
  assert.equal((await app.events("analysed")).filter(({ body }) => body.findings.occlusion).length, 0);

  await cover.click();
  const canvas = dialog.locator(".heat-layer canvas");
  await canvas.waitFor();
  const { occlusion } = (await app.events("analysed")).at(-1).body.findings;
  assert.equal(occlusion.class, 0);
  assert.equal(hottest({ side: occlusion.side, values: occlusion.changes }, -1), "top right", "what is covered there is missed most");
  const words = await canvas.getAttribute("aria-label");
  const strongest = occlusion.changes.reduce((most, change) => (Math.abs(change) > Math.abs(most) ? change : most), 0);
  if (Math.abs(strongest) >= 0.02) {
    const percent = (share) => `${Math.round(100 * share)}%`;
    assert.match(words, new RegExp(`from ${percent(occlusion.probability)} to ${percent(occlusion.probability + strongest)}\\.$`));
  } else {
    assert.match(words, /^No part matters much/);
  }
  await checkWithAxe(app, "an occlusion map");

  // The heat map of the same image, from the same dialog.
  await looked(dialog).click();
  await dialog.getByText("Most of the heat for “Birds” is at the top right.").waitFor();
});

test("an image of none of the classes is said to be that, and a known one is not", async (t) => {
  const app = await trained(t, open);
  assert.equal(top(await app.classify(file("bird.jpg", bird))), "Birds");
  await app.try.getByText("It looks like Birds", { exact: true }).waitFor();
  assert.equal(await app.try.getByText("None of these", { exact: true }).count(), 0);

  await app.classify(STRANGER);
  await app.try.getByText("None of these", { exact: true }).waitFor();
  assert.equal(await app.meters.count(), 4, "the bars stay");
  await until(async () => (await app.status()).includes("It looks like none of your classes."), "the answer for screen readers");
  const [{ familiarity: known }, { familiarity: unknown }] = (await app.events("prediction")).map(({ body }) => body);
  const { threshold } = app.outcome.unknowns;
  assert.ok(known >= threshold && unknown < threshold, JSON.stringify({ known, unknown, threshold }));
  await checkWithAxe(app, "none of these");
});

test("the threshold can be moved, switched off and reset, and its effect is told", async (t) => {
  const app = await trained(t, open);
  await app.classify(file("bird.jpg", bird));
  const chip = app.try.getByText("None of these", { exact: true });
  await app.check.getByRole("tab", { name: "None of these" }).click();
  const panel = app.check.getByRole("tabpanel", { name: "None of these" });
  const slider = panel.getByRole("slider", { name: "Threshold" });
  const { known, hidden, threshold } = app.outcome.unknowns;
  const percent = (values, is) => `${Math.round((100 * values.filter(is).length) / values.length)}%`;
  const effect = `Keeps ${percent(known, (value) => value >= threshold)} of known images, turns away ${percent(hidden, (value) => value < threshold)} of those with a hidden class`;
  await panel.getByText(effect).waitFor();
  assert.match(await panel.getByRole("img", { name: /^How familiar/ }).getAttribute("aria-label"), /keeps \d+% of known images/);
  const start = await slider.inputValue();

  await slider.focus();
  await app.page.keyboard.press("End");
  await panel.getByText("Keeps 0% of known images, turns away 100%").waitFor();
  await chip.waitFor();

  await app.page.keyboard.press("Home");
  await panel.getByText("“None of these” is switched off: nothing is turned away.").waitFor();
  await chip.waitFor({ state: "detached" });
  await app.classify(STRANGER);
  await app.try.getByText(/^It looks like (Birds|Flowers|Fruit|Mammals)$/).waitFor();

  await panel.getByRole("button", { name: "Reset" }).click();
  await panel.getByText(effect).waitFor();
  await chip.waitFor();
  assert.equal(await slider.inputValue(), start);

  // The line itself can be dragged.
  const box = await slider.boundingBox();
  const place = async () => box.x + 14 + (Number(await slider.inputValue()) / 200) * (box.width - 28);
  await app.page.mouse.move(await place(), box.y + box.height / 2);
  await app.page.mouse.down();
  await app.page.mouse.move(box.x + box.width - 2, box.y + box.height / 2, { steps: 5 });
  await app.page.mouse.up();
  await panel.getByText("Keeps 0% of known images").waitFor();

  // Another model has a threshold of its own.
  await app.trainButton.click();
  await app.event("trained");
  await panel.getByText(effect).waitFor();
});

test("images of none of the classes are judged one by one, and nothing of them is kept", async (t) => {
  const app = await trained(t, open);
  await app.check.getByRole("tab", { name: "None of these" }).click();
  const panel = app.check.getByRole("tabpanel", { name: "None of these" });
  const samples = (await app.commands("add_samples")).length;
  await panel.getByLabel("Images of none of your classes").setInputFiles([...STRANGERS.map((path) => as("a.jpg", path)), file("no-image.jpg", Buffer.from("words"))]);
  await panel.getByText("1 file could not be read").waitFor();
  const { threshold } = app.outcome.unknowns;
  const away = (await app.events("prediction")).filter(({ body }) => body.familiarity < threshold).length;
  await panel.getByText(`${away} of ${STRANGERS.length} images turned away.`).waitFor();
  assert.ok(away >= STRANGERS.length - 1, `${away} drawings are told from photographs`);

  const slider = panel.getByRole("slider", { name: "Threshold" });
  await slider.fill("0");
  await panel.getByText(`0 of ${STRANGERS.length} images turned away.`).waitFor();
  const taken = panel.getByRole("list", { name: "Wrongly taken for one of your classes" }).getByRole("listitem");
  assert.equal(await taken.count(), STRANGERS.length);
  for (const words of await taken.allInnerTexts()) assert.match(words, /^taken for (Birds|Flowers|Fruit|Mammals)$/);
  await slider.fill("200");
  await panel.getByRole("list", { name: "Rightly turned away" }).waitFor();

  assert.equal((await app.commands("add_samples")).length, samples);
  await panel.getByRole("button", { name: "Clear" }).click();
  await panel.getByRole("list", { name: "Rightly turned away" }).waitFor({ state: "detached" });
});

describe("axe-core and the width", () => {
  for (const [colorScheme, width] of [["light", 1440], ["dark", 360]]) {
    test(`find nothing in heat maps and “None of these”, ${colorScheme}, ${width} px`, { timeout: 180_000 }, async (t) => {
      const app = await trained(t, open, { context: { colorScheme, viewport: { width, height: 800 }, reducedMotion: "reduce" } });
      await app.classify(file("bird.jpg", bird));
      await looked(app.try).click();
      await app.try.locator(".heat-layer").waitFor();
      await app.check.getByRole("tab", { name: "None of these" }).click();
      const panel = app.check.getByRole("tabpanel", { name: "None of these" });
      await panel.getByLabel("Images of none of your classes").setInputFiles(STRANGERS);
      await panel.getByText(`of ${STRANGERS.length} images turned away.`).waitFor();
      await checkWithAxe(app, `${colorScheme}, ${width} px`);
      await checkWidth(app, `${colorScheme}, ${width} px`);
    });
  }
});

const BIRD_FILM = film([await composed([inCorner(bird, [1, 0])])], 60);

describe("a camera that shows a bird at the top right", () => {
  const open = suite([...FAKE_CAMERA, BIRD_FILM]);

  test("the heat follows the picture as it is shown, mirrored or not, and only while it is wanted", { timeout: 180_000 }, async (t) => {
    const app = await trained(t, open);
    await app.try.getByRole("button", { name: "Webcam", exact: true }).click();
    await app.event("prediction", 2);
    assert.equal(await lastHeat(app), null);
    await looked(app.try).click();
    // A camera that faces the user is shown mirrored.
    await app.try.getByText("Most of the heat for “Birds” is at the top left.").waitFor();
    const canvas = app.try.locator(".camera-picture .heat-layer canvas");
    assert.equal(await mostDrawn(canvas), "top left");
    assert.equal(await app.page.evaluate(() => window.__tap.mostPredicting), 1, "never more than one frame is on its way");
    await app.try.getByRole("checkbox", { name: /mirror/i }).uncheck();
    await app.try.getByText("Most of the heat for “Birds” is at the top right.").waitFor();
    await until(async () => (await mostDrawn(canvas)) === "top right", "heat at the top right");

    // A screen reader hears what is recognised, but not for every frame.
    const changes = await app.page.evaluate(async () => {
      const status = document.querySelector(".answer [role=status]");
      let changes = 0;
      const observer = new MutationObserver(() => (changes += 1));
      observer.observe(status, { childList: true, characterData: true, subtree: true });
      await new Promise((resolve) => setTimeout(resolve, 3000));
      observer.disconnect();
      return changes;
    });
    assert.ok(changes <= 1, `${changes} messages in three seconds`);

    await looked(app.try).click();
    await until(async () => (await lastHeat(app)) === null, "frames without heat");
    await pause(100);
    assert.equal(await app.try.locator(".heat-layer").count(), 0);
  });
});
