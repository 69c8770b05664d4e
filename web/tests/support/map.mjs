// Where things are on the map of the data.

import { PATIENCE_MS, until } from "./app.mjs";

/** Room around the outermost images, in pixels. */
const MARGIN = 28;

/** The map as it was last drawn: its points. */
export async function drawnMap(app) {
  const maps = (await app.events("analysed")).filter(({ body }) => body.findings.map);
  return maps.at(-1).body.findings.map;
}

/** Opens the panel, has the map drawn to the end, and waits until nothing moves any more. */
export async function drawMap(app) {
  await app.check.getByRole("tab", { name: "Map", exact: true }).click();
  const panel = app.check.getByRole("tabpanel", { name: "Map", exact: true });
  await drawIn(app, panel, panel.getByRole("button", { name: /^Draw (the map|it again)$/ }));
  return panel;
}

/** Has the map drawn to the end in a panel that is open, and waits until nothing moves any more. */
export async function drawIn(app, panel, button, timeoutMs = PATIENCE_MS) {
  // Counted in the page: sending thousands of points at every look would be work that is not the page's own.
  const drawn = () => app.page.evaluate(() => window.__tap.events.filter(({ name, body }) => name === "analysed" && body.is_final).length);
  const before = await drawn();
  await button.click();
  await until(async () => (await drawn()) > before, "the map", timeoutMs);
  await settled(panel);
}

/** Waits until the picture stays the same. */
export function settled(panel) {
  const canvas = panel.locator(".map-frame canvas");
  let last;
  return until(async () => {
    const picture = await canvas.evaluate(async (element) => {
      await new Promise((resolve) => setTimeout(resolve, 250));
      return element.toDataURL();
    });
    const is = picture === last;
    last = picture;
    return is;
  }, "a map that stands still");
}

/** Every image's place on the screen while the whole map is shown, by its id. */
export async function places(app, panel) {
  const { points } = await drawnMap(app);
  const frame = panel.locator(".map-frame canvas");
  await frame.scrollIntoViewIfNeeded();
  const box = await frame.boundingBox();
  const reach = (axis) => Math.max(...points.map((point) => Math.abs(point[axis])));
  const scale = Math.min((box.width / 2 - MARGIN) / reach("x"), (box.height / 2 - MARGIN) / reach("y"));
  return new Map(points.map(({ id, x, y }) => [id, { x: box.x + box.width / 2 + x * scale, y: box.y + box.height / 2 - y * scale }]));
}

/** Draws a line through these places with the pointer. */
export async function drag(app, corners) {
  const [first, ...rest] = corners;
  await app.page.mouse.move(first.x, first.y);
  await app.page.mouse.down();
  for (const { x, y } of rest) await app.page.mouse.move(x, y, { steps: 6 });
  await app.page.mouse.up();
}
