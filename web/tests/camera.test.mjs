// The camera: there, refused, missing, pulled out; recording and live classification.
// Takes about 45 s.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { coloursOf, suite, top, until } from "./support/app.mjs";
import { FAKE_CAMERA } from "./support/browser.mjs";
import { playing, recorded, recordFor, turnOn, video } from "./support/camera.mjs";
import { film } from "./support/film.mjs";
import { filesIn, unseenShapes } from "./support/fixtures.mjs";
import { prepared } from "./support/prepared.mjs";

const trained = prepared(async (app) => {
  await app.addShapes();
  await app.runTraining();
});

describe("two cameras", () => {
  const open = suite(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=device-count=2"]);

  /** Opens the page with the camera on in the class Circles. */
  async function withCamera(t) {
    const app = await open(t);
    await app.nameClasses("Circles", "Stars");
    return turnOn(app, "Circles");
  }

  test("frames are recorded while the button is held down with a pointer", async (t) => {
    const { app, hold } = await withCamera(t);
    await hold.hover();
    await app.page.mouse.down();
    await until(async () => (await app.images("Circles").count()) >= 5, "five frames");
    await app.page.mouse.up();
    const count = await recorded(app, "Circles");
    await pause(700);
    assert.equal(await app.images("Circles").count(), count, "nothing is recorded after the button is let go");
    await app.event("sample_embedded", count);
    const [decoded] = await app.events("sample_decoded");
    assert.ok(decoded.body.width_px <= 640 && decoded.body.height_px <= 640);
  });

  test("frames are recorded while a key is held down", async (t) => {
    const { app, hold } = await withCamera(t);
    await hold.focus();
    await app.page.keyboard.down(" ");
    await until(async () => (await app.images("Circles").count()) >= 4, "four frames");
    await app.page.keyboard.up(" ");
    const count = await recorded(app, "Circles");
    await pause(700);
    assert.equal(await app.images("Circles").count(), count);
  });

  test("the picker really switches the camera", async (t) => {
    const { app, card } = await withCamera(t);
    const label = () => video(card).evaluate((element) => element.srcObject.getVideoTracks()[0].label);
    const first = await label();
    const picker = card.getByRole("combobox", { name: /camera/i });
    const options = await until(async () => {
      const found = await picker.locator("option").allInnerTexts();
      return found.filter((text) => /fake/.test(text)).length === 2 && found;
    }, "both cameras in the picker");
    const other = options.find((text) => /fake/.test(text) && !text.includes(first));
    const oldTrack = await video(card).evaluateHandle((element) => element.srcObject.getVideoTracks()[0]);
    await picker.selectOption({ label: other });
    await until(async () => (await label()) !== first, "the other camera's picture");
    assert.equal(await oldTrack.evaluate((track) => track.readyState), "ended", "the first camera is let go");
    await playing(card);
    assert.equal(await app.images("Circles").count(), 0);
  });

  test("a camera that is unplugged while recording keeps what it gave", async (t) => {
    const { app, card, hold } = await withCamera(t);
    await hold.hover();
    await app.page.mouse.down();
    await until(async () => (await app.images("Circles").count()) >= 3, "three frames");
    await video(card).evaluate((element) => {
      const [track] = element.srcObject.getVideoTracks();
      track.stop();
      track.dispatchEvent(new Event("ended"));
    });
    await app.alert(/camera|webcam/i, /unplug|stopped|gone|disconnect|connect/i);
    await app.page.mouse.up();
    const count = await recorded(app, "Circles");
    assert.ok(count >= 3);
    await pause(600);
    assert.equal(await app.images("Circles").count(), count);
    await app.event("sample_embedded", count);
    await card.getByRole("button", { name: "Webcam", exact: true }).click();
    await playing(card);
  });

  test("one camera serves one place at a time, and is let go when it is closed", async (t) => {
    const { app, card } = await withCamera(t);
    const track = await video(card).evaluateHandle((element) => element.srcObject.getVideoTracks()[0]);
    const other = app.class("Stars");
    await other.getByRole("button", { name: "Webcam", exact: true }).click();
    await playing(other);
    assert.equal(await app.page.locator("video").count(), 1);
    const next = await video(other).evaluateHandle((element) => element.srcObject.getVideoTracks()[0]);
    await other.getByRole("button", { name: /close|stop|turn off|webcam/i }).first().click();
    await until(() => next.evaluate((track) => track.readyState === "ended"), "the camera to be let go");
    assert.equal(await track.evaluate((track) => track.readyState), "ended");
  });
});

describe("a camera that shows a shape", () => {
  const open = suite([...FAKE_CAMERA, film([unseenShapes("Stars")[0], unseenShapes("Circles")[0]].map((path) => readFileSync(path)), 60)]);

  test("Try keeps up with the camera without queueing", { timeout: 180_000 }, async (t) => {
    const app = await trained(t, open);
    await app.try.getByRole("button", { name: "Webcam", exact: true }).click();
    await playing(app.try);
    const seen = new Set();
    await until(async () => {
      const prediction = await app.prediction();
      const sum = Object.values(prediction).reduce((total, value) => total + value, 0);
      if (Math.abs(sum - 1) < 0.01) seen.add(top(prediction));
      return seen.has("Stars") && seen.has("Circles");
    }, "both shapes recognised live");
    await until(async () => /\d+(\.\d+)?\s*(pictures|frames|images)?\s*(a|per|\/)\s*s(econd)?/i.test(await app.try.innerText()), "the frame rate");
    const { most, predictions } = await app.page.evaluate(() => ({
      most: window.__tap.mostPredicting,
      predictions: window.__tap.events.filter(({ name }) => name === "prediction").length,
    }));
    assert.equal(most, 1, "never more than one frame is on its way");
    assert.ok(predictions >= 5);
    assert.equal(seen.has("Squares"), false);
  });

  test("the camera goes on while the model is trained again", { timeout: 180_000 }, async (t) => {
    const app = await trained(t, open);
    await app.try.getByRole("button", { name: "Webcam", exact: true }).click();
    await app.event("prediction", 2);
    await app.runTraining();
    const before = (await app.events("prediction")).length;
    await app.event("prediction", before + 3);
  });
});

describe("a camera that shows four quarters", () => {
  // Red top left, green top right, blue bottom left, yellow bottom right.
  const open = suite([...FAKE_CAMERA, film([readFileSync(filesIn("exif")[0])], 60)]);

  /** Opens the page with the camera on. */
  async function withCamera(t) {
    const app = await open(t);
    await app.nameClasses("Quarters");
    return turnOn(app, "Quarters");
  }

  test("mirrored or not, the recorded images are as the preview shows them", async (t) => {
    const { app, card, hold } = await withCamera(t);
    const topLeft = async () => {
      const image = app.images("Quarters").last();
      await image.scrollIntoViewIfNeeded();
      const { colours } = await coloursOf(image, [[0.3, 0.3]]);
      const [red, green] = colours[0];
      return red > green ? "red" : "green";
    };
    const mirror = card.getByRole("checkbox", { name: /mirror/i });
    assert.equal(await mirror.isChecked(), true, "a camera that faces the user is mirrored");
    await recordFor(app, hold, 100);
    await until(async () => (await app.images("Quarters").count()) >= 1, "an image");
    assert.equal(await topLeft(), "green");

    await mirror.uncheck();
    const before = await app.images("Quarters").count();
    await recordFor(app, hold, 100);
    await until(async () => (await app.images("Quarters").count()) > before, "another image");
    assert.equal(await topLeft(), "red");
  });

  test("a countdown gives time to get ready", async (t) => {
    const { app, card, hold } = await withCamera(t);
    await card.getByRole("checkbox", { name: /count/i }).check();
    await hold.hover();
    await app.page.mouse.down();
    await card.getByText("3", { exact: true }).waitFor();
    await card.getByText("1", { exact: true }).waitFor();
    assert.equal(await app.images("Quarters").count(), 0);
    await until(async () => (await app.images("Quarters").count()) >= 2, "images after the countdown");
    await app.page.mouse.up();

    // Released too early, it records nothing.
    const count = await recorded(app, "Quarters");
    await recordFor(app, hold, 1200);
    await pause(3000);
    assert.equal(await app.images("Quarters").count(), count);
  });
});

describe("a camera that is refused", () => {
  const open = suite(["--use-fake-device-for-media-stream", "--deny-permission-prompts"]);

  test("says how to allow it, in Collect and in Try", async (t) => {
    const app = await open(t);
    await app.addShapes();
    await app.class("Circles").getByRole("button", { name: "Webcam", exact: true }).click();
    await app.alert(/camera|webcam/i, /allow|permission/i);
    await app.hasImages("Circles", 8);
    await app.runTraining();
    await app.try.getByRole("button", { name: "Webcam", exact: true }).click();
    await app.alert(/camera|webcam/i, /allow|permission/i);
    assert.equal(top(await app.classify(unseenShapes("Stars")[0])), "Stars");
  });
});

describe("no camera", () => {
  const open = suite(["--use-fake-ui-for-media-stream"]);

  test("is said, with what to do", async (t) => {
    const app = await open(t);
    await app.nameClasses("Circles");
    await app.class("Circles").getByRole("button", { name: "Webcam", exact: true }).click();
    await app.alert(/no (camera|webcam)|(camera|webcam).*(not|no)/i, /connect|plug|upload/i);
  });
});
