// Real photographs: ten kinds of clothes. The archive is not part of the project, so these tests are skipped where it is missing.
// Takes about 60 s.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { suite } from "./support/app.mjs";
import { checkRecord } from "./support/record.mjs";
import { unzip, zip } from "./support/zip.mjs";

const CLOTHING = resolve(process.env.HEADSTART_CLOTHING || join(dirname(fileURLToPath(import.meta.url)), "../../../shared/data/clothing.zip"));
const skip = existsSync(CLOTHING) ? false : `there is no ${CLOTHING}; set HEADSTART_CLOTHING to the archive to run this`;
const open = suite();
const SLOW_MS = 300_000;

/** Imports an archive, trains with the settings as they are and returns the run record. */
async function run(t, archive) {
  const app = await open(t);
  await app.import(archive);
  await app.event("archive_read", 1, SLOW_MS);
  const { summary } = (await app.events("archive_read"))[0].body;
  assert.equal(summary.skipped_count, 0);
  await app.event("sample_embedded", summary.images, SLOW_MS);
  await app.runTraining(SLOW_MS);
  const record = await app.record();
  checkRecord(record);
  assert.equal(record.classes.length, 10);
  assert.equal(record.device, "cpu");
  assert.deepEqual(await app.alerts(), []);
  return record;
}

test("the whole data set with default settings reaches 80 %", { skip, timeout: 2 * SLOW_MS }, async (t) => {
  const record = await run(t, CLOTHING);
  t.diagnostic(`test accuracy ${record.test.accuracy.toFixed(4)}, ${JSON.stringify(record.timings_ms)}`);
  assert.ok(record.test.accuracy >= 0.8, `test accuracy ${record.test.accuracy}`);
});

test("five images a class reach 58 %", { skip, timeout: 2 * SLOW_MS }, async (t) => {
  const taken = new Map();
  const few = unzip(readFileSync(CLOTHING)).filter(({ path }) => {
    const folder = dirname(path);
    taken.set(folder, (taken.get(folder) ?? 0) + 1);
    return /(^|\/)test\//.test(path) || taken.get(folder) <= 5;
  });
  const buffer = zip(few);
  const record = await run(t, { name: "few.zip", mimeType: "application/zip", buffer });
  assert.equal(record.split.train + record.split.validation, 50);
  t.diagnostic(`test accuracy ${record.test.accuracy.toFixed(4)}, ${JSON.stringify(record.timings_ms)}`);
  assert.ok(record.test.accuracy >= 0.58, `test accuracy ${record.test.accuracy}`);
});
