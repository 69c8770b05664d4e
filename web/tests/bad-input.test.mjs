// Whatever cannot be used is named, with a reason and a remedy, and nothing else is lost.
// Takes about 40 s.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { suite, top, until } from "./support/app.mjs";
import { as, FIXTURES, SHAPES, shapeEntries, shapes, unseenShapes } from "./support/fixtures.mjs";
import { prepared } from "./support/prepared.mjs";
import { deflatedZeros, overlappingZip, zip } from "./support/zip.mjs";

const open = suite();
const bad = (name) => join(FIXTURES, "bad", name);
const good = (count) => shapes("Circles").slice(0, count);
const archive = (buffer, name = "pictures.zip") => ({ name, mimeType: "application/zip", buffer });
const image = readFileSync(shapes("Circles")[0]);
const another = readFileSync(shapes("Circles")[1]);

const trained = prepared(async (app) => {
  await app.addShapes();
  await app.runTraining();
});

/** An alert says what to do when one of its sentences asks for something. */
const ADVICE = /\b(use|save|make|copy|export|download|put|unpack|split|add|try|check|choose|leave|left out|close|allow|connect|plug|reload|press|switch|lower|delete|should)\b/i;

describe("images", () => {
  for (const [file, mimeType, reason] of [
    ["text.jpg", "image/jpeg", /not an image/i],
    ["empty.jpg", "image/jpeg", /empty/i],
    ["truncated.jpg", "image/jpeg", /cut off|end is missing/i],
    ["phone.heic", "image/heic", /HEIC/],
    ["huge.png", "image/png", /too large.*20,?.?000/i],
    ["huge.jpg", "image/jpeg", /too large.*20,?.?000/i],
  ]) {
    test(`${file} is refused and the good images beside it stay`, async (t) => {
      const app = await open(t);
      await app.nameClasses("Circles");
      const [first, second] = good(2).map((path) => as(path.split("/").at(-1), path));
      await app.upload("Circles", [first, as(file, bad(file), mimeType), second]);
      await app.alert(new RegExp(file.replace(".", "\\.")), reason, ADVICE);
      await app.hasImages("Circles", 2);
      await app.event("sample_embedded", 2);
      await app.hasImages("Circles", 2);
      assert.equal((await app.events("crashed")).length, 0);
    });

    test(`${file} is refused in Try, and the next image is classified`, async (t) => {
      const app = await trained(t, open);
      await app.try.getByLabel("Image to classify", { exact: true }).setInputFiles(bad(file));
      await app.alert(reason);
      assert.equal(top(await app.classify(unseenShapes("Stars")[0])), "Stars");
    });
  }

  test("many bad files make one message, which lists them all", async (t) => {
    const app = await open(t);
    await app.nameClasses("Circles");
    await app.upload("Circles", [
      ...["text.jpg", "empty.jpg", "truncated.jpg", "phone.heic", "huge.png", "huge.jpg"].map(bad),
      ...good(3),
    ]);
    const alert = await app.alert(/6/, /left out|could not|cannot/i);
    for (const name of ["text.jpg", "empty.jpg", "truncated.jpg", "phone.heic", "huge.png", "huge.jpg"]) {
      await until(async () => (await app.page.getByRole("alert").filter({ hasText: name }).count()) === 1, `${name} in the one alert (${alert})`);
    }
    await app.hasImages("Circles", 3);
  });

  test("the same image twice is left out and the message names the class that has it", async (t) => {
    const app = await open(t);
    await app.nameClasses("Circles", "Stars");
    await app.upload("Circles", good(2));
    await app.hasImages("Circles", 2);
    await app.upload("Stars", [...good(1), ...shapes("Stars").slice(0, 1)]);
    await app.alert(/circle-train-1\.jpg/, /already in.*Circles/);
    await app.hasImages("Stars", 1);
    await app.upload("Stars", [as("one.jpg", unseenShapes("Stars")[0]), as("two.jpg", unseenShapes("Stars")[0])]);
    await app.alert(/two\.jpg/, /already in.*Stars/);
    await app.hasImages("Stars", 2);
  });
});

describe("archives", () => {
  const entries = (...more) => [{ path: "Circles/good-1.jpg", data: image }, ...more, { path: "Circles/good-2.jpg", data: another }];
  const inner = zip([{ path: "Stars/1.jpg", data: image }]);
  const bomb = (zeros) => ({ deflated: deflatedZeros(image, zeros) });

  for (const { what, make, alert, images } of [
    { what: "a zip inside the zip", make: () => zip(entries({ path: "Circles/inner.zip", data: inner })), alert: [/inner\.zip/, /archive inside/i], images: 2 },
    { what: "an absolute path", make: () => zip(entries({ path: "/etc/Circles/evil.jpg", data: image })), alert: [/evil\.jpg/, /outside/i], images: 2 },
    { what: "a path with a drive", make: () => zip(entries({ path: "C:\\Circles\\evil.jpg", data: image })), alert: [/evil\.jpg/, /outside/i], images: 2 },
    { what: "a path with ..", make: () => zip(entries({ path: "Circles/../../evil.jpg", data: image })), alert: [/evil\.jpg/, /outside/i], images: 2 },
    { what: "a locked entry", make: () => zip(entries({ path: "Circles/locked.jpg", data: image, encrypted: true })), alert: [/locked\.jpg/, /password/i], images: 2 },
    { what: "an image in no folder", make: () => zip(entries({ path: "loose.jpg", data: image })), alert: [/loose\.jpg/, /folder/i], images: 2 },
    { what: "a damaged image", make: () => zip(entries({ path: "Circles/cut.jpg", data: readFileSync(bad("truncated.jpg")) })), alert: [/cut\.jpg/, /cut off/i], images: 2 },
    { what: "an entry that unpacks to a gigabyte", make: () => zip(entries({ path: "Circles/bomb.jpg", ...bomb(1024 ** 3) })), alert: [/bomb\.jpg/, /unpacks to more than/i], images: 2 },
  ]) {
    test(`${what} is left out and the rest is imported`, async (t) => {
      const app = await open(t);
      await app.import(archive(make()));
      await app.hasImages("Circles", images);
      await app.alert(...alert, ADVICE);
      await app.event("sample_embedded", images);
    });
  }

  for (const { what, make, alert } of [
    { what: "what is no zip", make: () => Buffer.from("no archive at all, whatever its name says"), alert: [/not a zip/i] },
    { what: "an empty file", make: () => Buffer.alloc(0), alert: [/not a zip|empty/i] },
    { what: "a zip that is cut off", make: () => zip(entries()).subarray(0, 1500), alert: [/damaged|cut off/i] },
    { what: "a zip without images", make: () => zip([{ path: "Circles/readme.txt", data: Buffer.from("hello") }]), alert: [/no images/i] },
    {
      what: "a zip with more files than are read",
      make: () => overlappingZip(Array.from({ length: 60_000 }, (_, index) => `Circles/${index}.jpg`), { path: "", data: image }),
      alert: [/more than 50,?.?000/i],
    },
  ]) {
    test(`${what} is refused with a message, and the page goes on`, async (t) => {
      const app = await open(t);
      await app.nameClasses("Circles", "Stars");
      await app.upload("Stars", shapes("Stars"));
      await app.hasImages("Stars", 8);
      await app.import(archive(make(), "holiday.zip"));
      await app.alert(/holiday\.zip/, ...alert, ADVICE);
      await app.hasImages("Stars", 8);
      await app.import(archive(zip(entries())));
      await app.hasImages("Circles", 2);
    });
  }

  test("a bomb of many entries is stopped", { timeout: 300_000 }, async (t) => {
    const app = await open(t);
    const paths = Array.from({ length: 60 }, (_, index) => `Circles/${index}.jpg`);
    const buffer = overlappingZip(paths, { path: "", ...bomb(88 * 1024 ** 2) });
    assert.ok(buffer.length < 100_000, "the bomb itself is small");
    await app.import(archive(buffer, "holiday.zip"));
    const failed = await app.event("archive_failed", 1, 240_000);
    assert.ok(failed[0].body.reason.bomb, JSON.stringify(failed[0]));
    await app.alert(/holiday\.zip/, /unpacks to more than/i, ADVICE);
    await app.nameClasses("Circles", "Stars");
    await app.upload("Stars", shapes("Stars"));
    await app.hasImages("Stars", 8);
  });

  test("Windows' backslashes separate folders", async (t) => {
    const app = await open(t);
    await app.import(archive(zip([
      { path: "train\\Circles\\1.jpg", data: image },
      { path: "test\\Circles\\2.jpg", data: another },
    ])));
    await app.hasImages("Circles", 2);
    assert.deepEqual(await app.alerts(), []);
  });

  test("what operating systems leave in archives is passed over in silence", async (t) => {
    const app = await open(t);
    await app.import(archive(zip(entries(
      { path: "__MACOSX/Circles/._good-1.jpg", data: Buffer.from("junk") },
      { path: "Circles/.DS_Store", data: Buffer.from("junk") },
      { path: "Circles/Thumbs.db", data: Buffer.from("junk") },
      { path: "Circles/", data: Buffer.alloc(0) },
      { path: "LICENSE", data: Buffer.from("words") },
      { path: "NOTICE.md", data: Buffer.from("words") },
    ))));
    await app.hasImages("Circles", 2);
    await app.event("sample_embedded", 2);
    assert.deepEqual(await app.alerts(), []);
  });

  test("names that are not UTF-8 do no harm", async (t) => {
    const app = await open(t);
    await app.import(archive(zip([
      { path: Buffer.from("Circles/caf\xe9.jpg", "latin1"), data: image },
      { path: "Circles/größe.jpg", data: another },
    ])));
    await app.hasImages("Circles", 2);
    await until(async () => /größe\.jpg/.test(await app.images("Circles").nth(1).getAttribute("alt")), "the UTF-8 name");
  });
});

describe("training", () => {
  test("one class only", async (t) => {
    const app = await open(t);
    await app.nameClasses("Circles", "Stars");
    await app.upload("Circles", shapes("Circles"));
    await app.hasImages("Circles", 8);
    await app.class("Stars").getByRole("button", { name: "Delete class", exact: true }).click();
    await app.class("Stars").waitFor({ state: "detached" });
    await app.pressBlockedTrain();
    await app.alert(/only one class/i, ADVICE);
    assert.equal((await app.events("trained")).length, 0);
  });

  test("an empty class", async (t) => {
    const app = await open(t);
    await app.nameClasses("Circles", "Stars");
    await app.upload("Circles", shapes("Circles"));
    await app.hasImages("Circles", 8);
    await app.pressBlockedTrain();
    await app.alert(/Stars/, /no images/i, ADVICE);
    await app.upload("Stars", shapes("Stars"));
    await app.hasImages("Stars", 8);
    await app.runTraining();
  });

  test("one image in a class is enough to train, and said to be little", async (t) => {
    const app = await open(t);
    await app.nameClasses("Circles", "Stars");
    await app.upload("Circles", good(1));
    await app.upload("Stars", shapes("Stars"));
    await app.hasImages("Stars", 8);
    await until(async () => /one image|1 image/i.test(await app.train.innerText()), "a word about the one image");
    await app.runTraining();
    const { split } = await app.record();
    assert.equal(split.train + split.validation, 9);
    assert.equal(top(await app.classify(unseenShapes("Stars")[0])), "Stars");
  });

  test("test images alone are not learnt from", async (t) => {
    const app = await open(t);
    const onlyTest = shapeEntries().filter(({ path }) => path.startsWith("test/") || !path.includes("Stars"));
    await app.import(archive(zip(onlyTest)));
    for (const name of SHAPES) await app.images(name).first().waitFor();
    await app.hasImages("Stars", 3);
    await app.pressBlockedTrain();
    await app.alert(/Stars/, ADVICE);
  });
});
