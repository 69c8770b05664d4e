// The engine fails, dies or lacks its weights: the page says so, goes on, and loses nothing.
// Takes about 45 s.

import assert from "node:assert/strict";
import { test } from "node:test";
import { suite, top, until } from "./support/app.mjs";
import { SHAPES, shapes, unseenShapes } from "./support/fixtures.mjs";

const open = suite();

/** Makes the engine's worker throw, as a bug in it would. */
async function crash(app) {
  await app.page.workers()[0].evaluate(() => {
    setTimeout(() => {
      throw new Error("a crash on purpose");
    });
  });
}

const CRASH = [/a crash on purpose/];

test("an engine that dies is restarted with what it had, and its model still predicts", async (t) => {
  const app = await open(t, { expectedErrors: CRASH });
  await app.addShapes();
  await app.runTraining();
  const before = await app.classify(unseenShapes("Stars")[0]);
  await crash(app);
  await app.alert(/engine/i, /restart/i);
  await app.event("ready", 2);
  for (const name of SHAPES) await app.hasImages(name, 8);
  const after = await app.classify(unseenShapes("Stars")[1]);
  assert.equal(top(after), "Stars");
  const again = await app.classify(unseenShapes("Stars")[0]);
  for (const name of SHAPES) assert.ok(Math.abs(again[name] - before[name]) < 0.002, "the same head answers");
  assert.equal((await app.commands("train")).length, 1);
  await app.runTraining();
  assert.equal((await app.events("sample_embedded")).length, 24, "embeddings were kept");
});

test("a run that was under way when the engine died is run again", async (t) => {
  const app = await open(t, { expectedErrors: CRASH });
  await app.addShapes();
  await app.event("sample_embedded", 24);
  await app.set({ Epochs: 1000, "Batch size": 4 });
  await app.trainButton.click();
  await app.event("epoch", 3);
  await crash(app);
  await app.alert(/engine/i, /restart/i);
  await app.event("trained", 1, 180_000);
  assert.equal((await app.record()).history.length, 1000);
});

test("images that were not yet embedded when the engine died are embedded by the next", async (t) => {
  const app = await open(t, { expectedErrors: CRASH });
  await app.nameClasses(...SHAPES);
  for (const name of SHAPES) await app.upload(name, shapes(name));
  await app.event("sample_embedded", 3);
  await crash(app);
  await app.event("ready", 2);
  await app.runTraining();
  const { split } = await app.record();
  assert.equal(split.train + split.validation, 24);
});

test("an engine that stops answering is noticed and restarted", { timeout: 180_000 }, async (t) => {
  // The page's own time, so that nobody has to wait while it waits.
  const app = await open(t, { isApart: true, prepare: (context) => context.clock.install() });
  await app.addShapes();
  await app.runTraining();
  // Killed from outside: no error, no last words.
  await app.page.evaluate(() => window.__tap.workers.at(-1).terminate());
  await app.page.clock.runFor(45_000);
  await app.alert(/engine/i, /restart/i).catch(() => app.alert(/engine/i, /restart/i));
  await app.event("ready", 2);
  assert.equal(top(await app.classify(unseenShapes("Circles")[0])), "Circles");
});

test("an engine that dies again and again is given up, until the user tries again", async (t) => {
  const app = await open(t, { expectedErrors: CRASH });
  await app.nameClasses("Circles");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", 8);
  await app.event("ready");
  for (let time = 1; time <= 3; time += 1) {
    const ready = (await app.events("ready")).length;
    await crash(app);
    if (time < 3) await app.event("ready", ready + 1);
  }
  const again = app.page.getByRole("button", { name: "Try again", exact: true });
  await again.waitFor();
  await app.hasImages("Circles", 8);
  const ready = (await app.events("ready")).length;
  await again.click();
  await app.event("ready", ready + 1);
  await app.hasImages("Circles", 8);
});

test("weights that are missing are named, and loaded when they are there", async (t) => {
  let missing = true;
  const app = await open(t, {
    expectedErrors: [/404/],
    prepare: (context) =>
      context.route("**/*.safetensors", (route) => (missing ? route.fulfill({ status: 404, body: "not found" }) : route.continue())),
  });
  await app.alert(/could not be loaded/i, /404/);
  await app.nameClasses("Circles", "Stars");
  await app.upload("Circles", shapes("Circles"));
  await app.upload("Stars", shapes("Stars"));
  await app.hasImages("Stars", 8);
  missing = false;
  await app.page.getByRole("button", { name: "Try again", exact: true }).first().click();
  await app.event("ready");
  await app.runTraining();
  await until(async () => (await app.alerts()).every((text) => !/could not be loaded/i.test(text)), "the message to go");
});

for (const [what, spoil] of [
  ["cut off", (bytes) => bytes.subarray(0, bytes.length / 2)],
  ["another file", () => Buffer.from("<!doctype html><title>Not found</title>")],
  ["of a wrong header", (bytes) => Buffer.concat([Buffer.alloc(8, 0xff), bytes.subarray(8)])],
]) {
  test(`weights that are ${what} are named, and fetched again`, async (t) => {
    let spoilt = true;
    const app = await open(t, {
      prepare: (context) =>
        context.route("**/*.safetensors", async (route) => {
          if (!spoilt) return route.continue();
          const response = await route.fetch();
          return route.fulfill({ status: 200, body: spoil(await response.body()) });
        }),
    });
    await app.alert(/damaged/i);
    spoilt = false;
    await app.page.getByRole("button", { name: "Try again", exact: true }).first().click();
    await app.event("ready");
    await app.addShapes();
    await app.runTraining();
  });
}

test("the device is changed in the settings without losing anything", async (t) => {
  const app = await open(t, { device: null });
  await app.addShapes();
  await app.runTraining();
  await app.openSettings();
  await app.train.getByRole("combobox", { name: "Device", exact: true }).selectOption({ label: "CPU" });
  await app.event("ready", 2);
  for (const name of SHAPES) await app.hasImages(name, 8);
  assert.equal(top(await app.classify(unseenShapes("Squares")[0])), "Squares");
  assert.equal((await app.events("sample_embedded")).length, 24);
});
