// The main job on WebGPU. Chromium's software adapter stands in for a graphics card: it is slow, so these runs are small.
// Takes about 120 s.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { suite, top, until } from "./support/app.mjs";
import { SOFTWARE_WEBGPU } from "./support/browser.mjs";
import { shapes, unseenShapes } from "./support/fixtures.mjs";
import { checkRecord } from "./support/record.mjs";

// Seconds an image: pipelines are compiled and pixels shaded on the CPU.
const SLOW_MS = 240_000;
const NAMES = ["Circles", "Stars"];
const PER_CLASS = 4;

async function addFew(app) {
  await app.nameClasses(...NAMES);
  for (const name of NAMES) {
    await app.upload(name, shapes(name).slice(0, PER_CLASS));
    await app.hasImages(name, PER_CLASS);
  }
}

/** Has the last block trained, too, with these settings. */
async function unfreeze(app, fields) {
  await app.openSettings();
  await app.train.getByRole("slider", { name: "Unfrozen blocks", exact: true }).fill("1");
  await app.set(fields);
}

async function recognise(app) {
  const predictions = [];
  for (const name of NAMES) {
    const prediction = await app.classify(unseenShapes(name)[0]);
    assert.equal(top(prediction), name);
    predictions.push(prediction);
  }
  return predictions;
}

describe("a WebGPU adapter", () => {
  const open = suite(SOFTWARE_WEBGPU);

  test("gives the predictions that the CPU gives, also after fine-tuning", { timeout: 4 * SLOW_MS }, async (t) => {
    const results = {};
    for (const device of ["webgpu", "cpu"]) {
      const app = await open(t, { device });
      const [{ body }] = await app.event("ready", 1, SLOW_MS);
      assert.equal(body.device.kind, device);
      assert.equal(body.device.fallback, null);
      await until(async () => (device === "cpu" ? /CPU/ : /WebGPU/).test(await app.page.getByRole("banner").innerText()), "the device's name");
      await addFew(app);
      await app.event("sample_embedded", NAMES.length * PER_CLASS, SLOW_MS);
      await app.set({ Epochs: 20 });
      await app.runTraining(SLOW_MS);
      const record = await app.record();
      checkRecord(record);
      assert.equal(record.device, device);
      assert.match(record.adapter, /\S/);
      const predictions = await recognise(app);

      // The last block is trained too, on the activations that the device has computed.
      await unfreeze(app, { "Fine-tuning epochs": 2, "Fine-tuning rate": 0.0001 });
      await app.runTraining(SLOW_MS);
      const tuned = await app.record();
      assert.equal(tuned.settings.fine_tuning.blocks, 1);
      assert.equal(tuned.history.length, 22, "the head's epochs and those of the block");
      results[device] = { record, predictions, tuned, after: await recognise(app) };
    }
    const { cpu, webgpu } = results;
    assert.deepEqual(webgpu.record.split, cpu.record.split, "the same split");
    for (const when of ["predictions", "after"]) {
      for (const [index, prediction] of webgpu[when].entries()) {
        for (const name of NAMES) {
          const difference = Math.abs(prediction[name] - cpu[when][index][name]);
          assert.ok(difference < 0.03, `${when}, ${name}: ${JSON.stringify({ webgpu: prediction, cpu: cpu[when][index] })}`);
        }
      }
    }
    for (const run of ["record", "tuned"]) {
      assert.ok(webgpu[run].history.length >= 20);
      for (const [index, epoch] of webgpu[run].history.entries()) {
        const difference = Math.abs(epoch.train_loss - cpu[run].history[index].train_loss);
        assert.ok(difference < 0.05, `${run}: train loss of epoch ${index + 1} differs by ${difference}`);
      }
    }
  });

  test("a device that is lost is replaced by the CPU and the job is finished", { timeout: 2 * SLOW_MS }, async (t) => {
    const app = await open(t, {
      device: "webgpu",
      prepare: rememberDevices,
    });
    await app.event("ready", 1, SLOW_MS);
    await addFew(app);
    await app.event("sample_embedded", 2, SLOW_MS);
    await app.page.workers()[0].evaluate(() => self.__devices.forEach((device) => device.destroy()));
    const [{ body }] = await app.event("device_changed", 1, SLOW_MS);
    assert.equal(body.device.kind, "cpu");
    assert.equal(body.device.fallback, "device_lost");
    await until(async () => /CPU/.test(await app.page.getByRole("banner").innerText()), "the CPU in the header");
    await until(async () => /(graphics|WebGPU|GPU).*(lost|CPU)/is.test(await app.page.locator("body").innerText()), "a sentence about the loss");
    for (const name of NAMES) await app.hasImages(name, PER_CLASS);
    await app.runTraining(SLOW_MS);
    const record = await app.record();
    assert.equal(record.device, "cpu");
    assert.equal(record.split.train + record.split.validation, NAMES.length * PER_CLASS);
    await recognise(app);
    assert.equal(app.page.workers().length, 1);
    assert.equal((await app.events("ready")).length, 1, "the engine itself lives on");
  });

  test("a device that is lost between a run and a prediction costs nothing", { timeout: 2 * SLOW_MS }, async (t) => {
    const app = await open(t, {
      device: "webgpu",
      prepare: rememberDevices,
    });
    await app.event("ready", 1, SLOW_MS);
    await addFew(app);
    await app.set({ Epochs: 10 });
    await app.runTraining(SLOW_MS);
    await app.page.workers()[0].evaluate(() => self.__devices.forEach((device) => device.destroy()));
    await app.event("device_changed", 1, SLOW_MS);
    await recognise(app);
    assert.equal((await app.events("sample_embedded")).length, NAMES.length * PER_CLASS);
  });

  test("a device that is lost while blocks are trained is replaced by the CPU, which trains them anew", { timeout: 4 * SLOW_MS }, async (t) => {
    const app = await open(t, { device: "webgpu", prepare: rememberDevices });
    await app.event("ready", 1, SLOW_MS);
    await addFew(app);
    await unfreeze(app, { Epochs: 10, "Fine-tuning epochs": 40, "Fine-tuning rate": 0.0001, "Validation share": 0 });
    await app.trainButton.click();
    await until(async () => (await app.events("epoch")).some(({ body }) => body.metrics.epoch >= 12), "two epochs of the blocks", SLOW_MS);
    await app.page.workers()[0].evaluate(() => self.__devices.forEach((device) => device.destroy()));
    await app.event("device_changed", 1, SLOW_MS);
    const [{ body }] = await app.event("trained", 1, SLOW_MS);
    assert.equal(body.outcome.history.length, 50);
    await app.stopButton.waitFor({ state: "hidden" });
    assert.equal((await app.record()).history.length, 50);
    await recognise(app);
    assert.equal((await app.events("ready")).length, 1, "the engine itself lives on");
    assert.equal((await app.events("sample_embedded")).length, NAMES.length * PER_CLASS);
  });

  test("a device that is lost after blocks were trained costs nothing", { timeout: 4 * SLOW_MS }, async (t) => {
    const app = await open(t, { device: "webgpu", prepare: rememberDevices });
    await app.event("ready", 1, SLOW_MS);
    await addFew(app);
    await unfreeze(app, { Epochs: 10, "Fine-tuning epochs": 2, "Fine-tuning rate": 0.0001 });
    await app.runTraining(SLOW_MS);
    const before = await recognise(app);
    await app.page.workers()[0].evaluate(() => self.__devices.forEach((device) => device.destroy()));
    await app.event("device_changed", 1, SLOW_MS);
    const after = await recognise(app);
    for (const [index, prediction] of before.entries()) {
      for (const name of NAMES) assert.ok(Math.abs(prediction[name] - after[index][name]) < 0.03, `${name}: ${JSON.stringify({ before: prediction, after: after[index] })}`);
    }
  });

  test("software adapters count as none unless they are asked for", async (t) => {
    const app = await open(t, { device: null });
    const [{ body }] = await app.event("ready");
    assert.equal(body.device.kind, "cpu");
    assert.equal(body.device.fallback, "software_adapter");
  });
});

describe("no WebGPU adapter", () => {
  const open = suite();

  test("WebGPU that is asked for falls back to the CPU and the page says why", async (t) => {
    const app = await open(t, { device: "webgpu" });
    const [{ body }] = await app.event("ready");
    assert.equal(body.device.kind, "cpu");
    assert.match(body.device.fallback, /no_adapter|no_webgpu/);
    await until(async () => /CPU/.test(await app.page.getByRole("banner").innerText()), "the CPU in the header");
    await until(async () => /(graphics|WebGPU)/.test(await app.page.locator("body").innerText()), "the reason");
    await app.addShapes();
    await app.runTraining();
    assert.equal((await app.record()).device, "cpu");
  });
});

/** Answers the request for the engine so that the test has its devices in `self.__devices`. */
async function rememberDevices(context) {
  await context.route("**/engine.js*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `(${rememberDevice})();\n${await response.text()}` });
  });
}

// Runs in the worker before the engine: keeps the devices that it makes, so that the test can take them away.
function rememberDevice() {
  self.__devices = [];
  const original = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...given) {
    const device = await original.apply(this, given);
    self.__devices.push(device);
    return device;
  };
}
