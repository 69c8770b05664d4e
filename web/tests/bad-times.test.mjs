// Bad times: a killed browser, a reload in the middle of anything, a tab that sleeps, a store that is damaged, full or old.
// Takes about 50 s.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { App, suite, top, until } from "./support/app.mjs";
import { launchPersistent } from "./support/browser.mjs";
import { DRAWN, drawImages } from "./support/drawn.mjs";
import { DIST, FIXTURES, SHAPES, shapes, unseenShapes } from "./support/fixtures.mjs";
import { serve } from "./support/server.mjs";
import { kept, replaceFirst } from "./support/store.mjs";
import { zip } from "./support/zip.mjs";

const PER_CLASS = 200;
const MINUTE = 60_000;

/** Six hundred images. */
let drawn;
before(async () => (drawn = await drawImages(PER_CLASS)));

/** A zip as a file input takes it. */
const archive = (entries) => ({ name: "drawn.zip", mimeType: "application/zip", buffer: zip(entries) });

/** The folder in which a browser of its own stores things, and the site that it shows. Both go when every browser is closed. */
const folder = mkdtempSync(join(tmpdir(), "headstart-killed-"));
let site;
before(async () => (site = await serve({ "/": DIST })));
after(async () => {
  await site.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const open = suite();

test("the browser is killed in the middle of training with 600 images", { timeout: 6 * MINUTE }, async (t) => {
  const start = async () => {
    const app = await App.in(t, await launchPersistent(folder), site);
    app.address = `${site.url}/?device=cpu`;
    await app.page.goto(app.address);
    return app;
  };

  const app = await start();
  await app.import(archive(drawn));
  await app.event("sample_embedded", DRAWN.length * PER_CLASS, 3 * MINUTE);
  await app.set({ Epochs: 30 });
  await app.runTraining();
  const picture = { name: "rings.jpg", mimeType: "image/jpeg", buffer: drawn.find(({ path }) => path === "Rings/0042.jpg").data };
  const before = await app.classify(picture);
  await app.set({ Epochs: 1000 });
  const epochs = await app.count("epoch");
  await app.trainButton.click();
  await app.event("epoch", epochs + 3);
  await app.saved();
  assert.equal(await app.count("trained"), 1, "the second run is under way");
  kill(folder);

  const again = await start();
  // A person takes their time to choose: the engine is ready before the project with its model is opened.
  await again.event("ready");
  await again.page.getByRole("region", { name: "Projects", exact: true }).getByRole("button", { name: "Open", exact: true }).click();
  for (const name of DRAWN) await again.hasImages(name, PER_CLASS);
  await again.openSettings();
  assert.equal(await again.train.getByRole("spinbutton", { name: "Epochs", exact: true }).inputValue(), "1000");
  await again.check.getByRole("table", { name: "Confusion matrix" }).waitFor();
  const now = await again.classify(picture);
  for (const name of DRAWN) assert.ok(Math.abs(now[name] - before[name]) < 1e-5, `${name}: ${before[name]} ${now[name]}`);
  await again.set({ Epochs: 20 });
  await again.runTraining();
  assert.equal(await again.count("sample_embedded"), 0, "no image is embedded a second time");
  t.after(() => site.close());
});

test("a reload in the middle of saving loses no image that was kept, and the rest can be added again", { timeout: 3 * MINUTE }, async (t) => {
  const app = await open(t);
  const perClass = 80;
  const some = archive(drawn.filter((_, at) => at % PER_CLASS < perClass));
  await app.import(some);
  await until(async () => (await kept(app, "files")) >= 100, "a hundred files in the store");
  const files = await kept(app, "files");
  await app.reload();
  await app.class(DRAWN[0]).waitFor();
  const described = (await Promise.all(DRAWN.map((name) => app.images(name).count().catch(() => 0)))).reduce((a, b) => a + b);
  assert.ok(described > 0 && described <= DRAWN.length * perClass, `${described} images of ${files} kept files`);
  assert.deepEqual(await app.alerts(), [], "every image that the project names is there");
  await app.import(some);
  for (const name of DRAWN) await app.hasImages(name, perClass);
});

test("a tab that sleeps for a minute in the middle of training ends its run", { timeout: 3 * MINUTE }, async (t) => {
  const app = await open(t);
  await app.addShapes();
  await app.set({ Epochs: 1000 });
  await app.trainButton.click();
  await app.event("epoch", 2);
  // What browsers do to a tab in the background: no timer, no frame and no message gets through.
  const session = await app.page.context().newCDPSession(app.page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await pause(2000);
  // The rest of the minute passes at once.
  await app.page.evaluate((ms) => {
    const { now } = Date;
    Date.now = () => now() + ms;
  }, MINUTE);
  const looks = (await app.commands("ping")).length;
  await session.send("Page.setWebLifecycleState", { state: "active" });
  await until(async () => (await app.commands("ping")).length > looks, "the page to look after its engine");
  await app.event("trained");
  assert.equal(await app.count("epoch"), 1000);
  assert.equal(top(await app.classify(unseenShapes("Circles")[0])), "Circles");
  assert.equal(await app.count("ready"), 1, "the engine has not been started anew");
  assert.deepEqual(await app.alerts(), []);
});

test("a project whose line in the list is damaged is still listed, with its name", async (t) => {
  const app = await open(t);
  await app.nameClasses("Circles", "Stars");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", 8);
  await app.page.getByRole("textbox", { name: "Project name", exact: true }).fill("Round things");
  await app.saved();
  await replaceFirst(app, "summaries", "{");
  await app.reload();
  await app.hasImages("Circles", 8);
  assert.equal(await app.page.getByRole("textbox", { name: "Project name", exact: true }).inputValue(), "Round things");
});

test("a store that is nearly full is told before it is full", async (t) => {
  const app = await open(t, {
    prepare: (context) =>
      context.addInitScript(() => {
        navigator.storage.estimate = async () => ({ usage: 95e6, quota: 100e6 });
      }),
  });
  await app.nameClasses("Circles", "Stars");
  await app.upload("Circles", shapes("Circles"));
  await app.alert(/nearly full/, /95 MB of the 100 MB/);
  await app.saved();
});

for (const version of readdirSync(join(FIXTURES, "store"))) {
  test(`projects that the page kept in the form ${version} open`, async (t) => {
    const app = await open(t);
    const { summary, description, files } = JSON.parse(readFileSync(join(FIXTURES, "store", version), "utf8"));
    await app.class("Class 1").waitFor();
    // As that version of the page wrote it; the pictures are those of the fixtures.
    const entries = files.map(({ id, name, className }) => ({ id, name, className, bytes: [...readFileSync(shapes(className)[id % 2])] }));
    await app.page.evaluate(writeProject, { summary, description, entries });
    await app.reload();
    await app.page.getByRole("region", { name: "Projects", exact: true }).getByRole("button", { name: "Open", exact: true }).click();
    for (const name of SHAPES) await app.hasImages(name, 2);
    assert.equal(await app.page.getByRole("textbox", { name: "Project name", exact: true }).inputValue(), "An old project");
    await app.openSettings();
    assert.equal(await app.train.getByRole("spinbutton", { name: "Epochs", exact: true }).inputValue(), "17");
    assert.deepEqual(await app.alerts(), []);
    await app.event("ready");
    await app.trainButton.click();
    await app.event("trained");
  });
}

// Runs in the page: writes a project as the first version of the store holds it.
async function writeProject({ summary, description, entries }) {
  const request = indexedDB.open("headstart");
  const database = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const { id } = JSON.parse(summary);
  const transaction = database.transaction(["summaries", "descriptions", "files"], "readwrite");
  transaction.objectStore("summaries").put(summary, id);
  transaction.objectStore("descriptions").put(description, id);
  for (const { id: sample, name, className, bytes } of entries) {
    const file = new Blob([new Uint8Array(bytes)], { type: "image/jpeg" });
    transaction.objectStore("files").put([file, name, className, "null"], [id, sample]);
  }
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  database.close();
}

/** Kills every process of the browser that stores its things in `folder`, without warning. */
function kill(folder) {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder)) process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}
