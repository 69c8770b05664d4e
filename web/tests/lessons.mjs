// Measures what the teachers' page says about the sample pictures, on the built site and its CPU engine, and prints it.
//
//   npm run lessons

import { readFile } from "node:fs/promises";
import { launch } from "./support/browser.mjs";
import { DIST } from "./support/fixtures.mjs";
import { serve } from "./support/server.mjs";
import { unzip, zip } from "./support/zip.mjs";

const RED = ["#b02030", "#801020"];
const BLUE = ["#2040b0", "#102070"];
const SIDE_PX = 240;

const archive = unzip(await readFile(new URL("../sample/sample.zip", import.meta.url)));
const pictures = archive
  .filter(({ path }) => path.endsWith(".jpg"))
  .map(({ path, data }) => {
    const [part, name] = path.split("/").slice(-3);
    return { path, data, name, isTest: part === "test" };
  });
const site = await serve({ "/": DIST });
const browser = await launch();
const canvas = await browser.newPage();

console.log("Pictures in each class: right answers of 20, by seed");
for (const count of [1, 2, 5, 10, 14]) {
  const right = [];
  for (let seed = 0; seed < 5; seed += 1) right.push(await train(some(count, seed), seed));
  console.log(`${count}: ${right.join(" ")}`);
}
console.log("The trap: right answers of 10, by seed");
for (const [classes, shares] of [[["Birds", "Mammals"], [0.25, 0.375, 0.54]], [["Birds", "Fruit"], [0.25]]]) {
  for (const share of shares) {
    for (const kind of ["same", "swapped", "repaired"]) {
      const right = [];
      for (let seed = 0; seed < 3; seed += 1) right.push(await train(await trap(classes, share, kind, seed), seed));
      console.log(`${classes.join(" and ")}, ${share} of the width, ${kind}: ${right.join(" ")}`);
    }
  }
}
await browser.close();
await site.close();

/** All test pictures, and `count` of each class to learn from; each seed picks different ones. */
function some(count, seed) {
  const names = [...new Set(pictures.map(({ name }) => name))];
  return names.flatMap((name) => {
    const all = pictures.filter((picture) => picture.name === name && !picture.isTest);
    const rotated = all.map((_, at) => all[(at + seed * 3) % all.length]);
    return [...pictures.filter((picture) => picture.name === name && picture.isTest), ...rotated.slice(0, count)];
  });
}

/** Two classes, shrunk and placed on colours: each on its own colour, tested on the other one's, or learnt on both. */
function trap(classes, share, kind, seed) {
  const chosen = pictures.filter(({ name }) => classes.includes(name));
  return Promise.all(
    chosen.map(async (picture, at) => {
      const isSwapped = picture.isTest ? kind !== "same" : kind === "repaired" && at % 2 === 0;
      const colours = (picture.name === classes[0]) === isSwapped ? BLUE : RED;
      const url = await canvas.evaluate(lay, [picture.data.toString("base64"), colours, share, SIDE_PX, seed * 1000 + at]);
      return { ...picture, data: Buffer.from(url.split(",")[1], "base64") };
    }),
  );
}

// Runs in the browser. The place is random, but the same each time.
async function lay([bytes, colours, share, side, number]) {
  const image = new Image();
  image.src = `data:image/jpeg;base64,${bytes}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const gradient = context.createLinearGradient(0, 0, side, side);
  colours.forEach((colour, at) => gradient.addColorStop(at, colour));
  context.fillStyle = gradient;
  context.fillRect(0, 0, side, side);
  const chance = (salt) => Math.abs(Math.sin(number * 12.9898 + salt * 78.233) * 43758.5453) % 1;
  context.drawImage(image, chance(1) * side * (1 - share), chance(2) * side * (1 - share), share * side, share * side);
  return canvas.toDataURL("image/jpeg", 0.9);
}

/** Imports the pictures, trains, and returns how many of the test pictures were recognised. */
async function train(list, seed) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, serviceWorkers: "block" });
  const page = await context.newPage();
  await page.goto(`${site.url}/?device=cpu`);
  const buffer = zip(list.map(({ path, data }) => ({ path, data })));
  await page.getByLabel("Import images", { exact: true }).setInputFiles({ name: "pictures.zip", mimeType: "application/zip", buffer });
  await page.getByRole("status").getByText(/found/i).first().waitFor();
  const region = page.getByRole("region", { name: "Train", exact: true });
  await region.getByText("Settings", { exact: true }).click();
  await region.getByRole("spinbutton", { name: "Seed", exact: true }).fill(String(seed));
  await region.getByRole("button", { name: "Train", exact: true }).click();
  await page.getByRole("table", { name: "Confusion matrix" }).waitFor({ timeout: 120_000 });
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download run record", exact: true }).click(),
  ]);
  const { test, classes } = JSON.parse(await readFile(await download.path(), "utf8"));
  await context.close();
  return classes.reduce((sum, _, at) => sum + test.confusion[at][at], 0);
}
