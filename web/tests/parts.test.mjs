// The parts of the page that load after it, each a binary of its own.
// Takes about 10 s.

import assert from "node:assert/strict";
import { test } from "node:test";
import { suite, until } from "./support/app.mjs";
import { shapes } from "./support/fixtures.mjs";

const open = suite();

/** The files of Check and of everything about whole projects. */
const CHECK = "**/headstart-web-*-check.wasm";
const KEEP = "**/headstart-web-*-keep.wasm";

test("images are collected while the parts have not arrived, and their regions stand already", async (t) => {
  const asked = [];
  const app = await open(t, {
    // Never answered: the parts keep loading.
    prepare: async (context) => {
      for (const part of [CHECK, KEEP]) await context.route(part, () => asked.push(part));
    },
  });
  await app.nameClasses("Circles");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", shapes("Circles").length);
  await app.check.getByText("Loading …", { exact: true }).waitFor();
  await app.page.getByRole("region", { name: "Keep", exact: true }).waitFor();
  assert.deepEqual(asked.sort(), [CHECK, KEEP].sort(), "each part is asked for once");
});

test("a part that cannot be loaded says so, and comes when it is asked for again", async (t) => {
  let isCut = true;
  const app = await open(t, {
    prepare: (context) => context.route(CHECK, (route) => (isCut ? route.abort() : route.continue())),
    expectedErrors: [/net::ERR_FAILED/, /Failed to fetch/],
  });
  await app.alert(/This part of the page could not be loaded\. Check the connection and try again\./);
  const again = app.check.getByRole("button", { name: "Try again", exact: true });
  await again.click();
  await again.waitFor();
  isCut = false;
  await again.click();
  await app.check.getByRole("button", { name: "Download run record", exact: true }).waitFor();
  assert.deepEqual(await app.alerts(), []);
  // Everything else was there all the time.
  await app.page.getByRole("button", { name: "Save project", exact: true }).waitFor();
});

test("a server's error page is no part", async (t) => {
  let isMissing = true;
  const app = await open(t, {
    prepare: (context) =>
      context.route(KEEP, (route) => (isMissing ? route.fulfill({ status: 404, body: "<h1>Not here</h1>" }) : route.continue())),
    expectedErrors: [/404/],
  });
  const keep = app.page.getByRole("region", { name: "Keep", exact: true });
  const again = keep.getByRole("button", { name: "Try again", exact: true });
  await again.waitFor();
  isMissing = false;
  await again.click();
  await keep.getByRole("button", { name: "Save project", exact: true }).waitFor();
});

test("a server that does not know the type of WebAssembly can serve the parts", async (t) => {
  let count = 0;
  const app = await open(t, {
    prepare: async (context) => {
      for (const part of [CHECK, KEEP]) {
        await context.route(part, async (route) => {
          const response = await route.fetch();
          count += 1;
          await route.fulfill({ response, headers: { ...response.headers(), "content-type": "application/octet-stream" } });
        });
      }
    },
  });
  await app.check.getByRole("button", { name: "Download run record", exact: true }).waitFor();
  await app.page.getByRole("button", { name: "Save project", exact: true }).waitFor();
  assert.equal(count, 2);
});

test("a project that cannot be opened again for want of its part is not lost", async (t) => {
  let isCut = false;
  const app = await open(t, {
    prepare: (context) => context.route(KEEP, (route) => (isCut ? route.abort() : route.continue())),
    expectedErrors: [/net::ERR_FAILED/, /Failed to fetch/],
  });
  await app.nameClasses("Circles");
  await app.upload("Circles", shapes("Circles"));
  await app.hasImages("Circles", shapes("Circles").length);
  await app.saved();
  isCut = true;
  await app.reload();
  const projects = app.page.getByRole("region", { name: "Projects", exact: true });
  const again = projects.getByRole("button", { name: "Try again", exact: true });
  await again.waitFor();
  isCut = false;
  await again.click();
  await projects.getByRole("button", { name: "Open", exact: true }).click();
  await app.hasImages("Circles", shapes("Circles").length);
  await until(async () => (await app.page.getByRole("region", { name: "Keep", exact: true }).count()) === 1, "the region Keep");
});
