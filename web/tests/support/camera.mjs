// The camera in a class card or in Try.

import { setTimeout as pause } from "node:timers/promises";
import { until } from "./app.mjs";

/** What shows the camera's picture in a region. */
export const video = (region) => region.locator("video");

/** Waits until it shows one. */
export const playing = (region) =>
  until(() => video(region).evaluate((element) => element.readyState >= 2 && element.videoWidth > 0), "a picture from the camera");

/** Opens the camera of a class, and returns what the tests press. */
export async function turnOn(app, name) {
  const card = app.class(name);
  await card.getByRole("button", { name: "Webcam", exact: true }).click();
  await playing(card);
  return { app, card, hold: card.getByRole("button", { name: "Hold to record", exact: true }) };
}

/** Holds the button down for so long. */
export async function recordFor(app, hold, ms) {
  await hold.hover();
  await app.page.mouse.down();
  await pause(ms);
  await app.page.mouse.up();
}

/** Waits until a recording has ended, and returns how many images there are then: the last frame may still be on its way. */
export const recorded = (app, name) =>
  until(async () => {
    const first = await app.images(name).count();
    await pause(500);
    return first === (await app.images(name).count()) && first;
  }, "the recording to end");
