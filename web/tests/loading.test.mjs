// The page before, without and apart from its engine.
// Takes about 20 s.

import assert from "node:assert/strict";
import { test } from "node:test";
import { suite, until } from "./support/app.mjs";
import { shapes } from "./support/fixtures.mjs";

const open = suite();

test("the first paint needs no script at all", async (t) => {
  const { page } = await open(t, { context: { javaScriptEnabled: false } });
  const heading = page.getByRole("heading", { level: 1 });
  assert.match(await heading.innerText(), /\S/);
  for (const column of ["Collect", "Train", "Try"]) {
    await page.getByRole("heading", { name: column }).first().waitFor();
  }
});

test("the page collects images while the engine has not arrived", async (t) => {
  let asked = 0;
  const app = await open(t, {
    // Never answered: the engine keeps loading.
    prepare: (context) =>
      context.route("**/engine.js*", () => {
        asked += 1;
      }),
  });
  await app.nameClasses("Circles");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", shapes("Circles").length);
  const image = app.images("Circles").first();
  await until(() => image.evaluate((element) => element.complete && element.naturalWidth > 0), "a picture that shows");
  assert.equal(asked, 1);
});

test("what is loading is said, and then which device computes", async (t) => {
  let released = false;
  const app = await open(t, {
    prepare: (context) =>
      context.route("**/*.safetensors", async (route) => {
        const response = await route.fetch();
        await until(() => released, "the test to go on");
        await route.fulfill({ response });
      }),
  });
  await app.event("loaded");
  await until(async () => /load|model/i.test(await app.page.getByRole("banner").innerText()), "a word about loading");
  released = true;
  await app.event("ready");
  await until(async () => /CPU/.test(await app.page.getByRole("banner").innerText()), "the device's name");
});

test("the site works below any path", async (t) => {
  const path = "/some/where/below/";
  const outside = [];
  const app = await open(t, {
    path,
    prepare: async (context) =>
      context.on("request", (request) => {
        const url = new URL(request.url());
        if (url.protocol.startsWith("http") && !url.pathname.startsWith(path)) outside.push(request.url());
      }),
  });
  await app.event("ready");
  await app.addShapes();
  await app.runTraining();
  assert.deepEqual(outside, []);
});

test("without a choice in the address the engine chooses, and software adapters do not count", async (t) => {
  const app = await open(t, { device: null });
  const [{ body }] = await app.event("ready");
  assert.equal(body.device.kind, "cpu");
});
