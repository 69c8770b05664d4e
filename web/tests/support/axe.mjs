// axe-core, which finds what keeps people from using a page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails when axe-core finds a serious or critical violation. */
export async function checkWithAxe(app, stage) {
  if (!(await app.page.evaluate(() => "axe" in window))) await app.page.evaluate(axe);
  // Whatever is still fading in has no contrast yet.
  await app.page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((animation) => Number.isFinite(animation.effect?.getComputedTiming().endTime))
        .map((animation) => animation.finished.catch(() => {})),
    ),
  );
  const violations = await app.page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, impact, help, nodes }) => ({
      id,
      impact,
      help,
      nodes: nodes.slice(0, 5).map(({ html, failureSummary }) => `${html.slice(0, 200)} — ${failureSummary}`),
    }));
  });
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(grave, [], `axe-core, ${stage}`);
}

/**
 * Takes a page through its stages once, looks at each in light and in dark colours, and tells the tests of both colours what was found in theirs.
 * The page has to be opened with reduced motion: colours that fade into others do so only where they are on the screen.
 *
 * @param {(t, look: (app, stage) => Promise<void>) => Promise<void>} walk
 * @param {(app, stage) => Promise<void>} [check]
 * @returns {(t, colours: "light" | "dark") => Promise<void>}
 */
export function inBothColours(walk, check = checkWithAxe) {
  let walked;
  const start = async (t) => {
    const found = { light: [], dark: [] };
    await walk(t, async (app, stage) => {
      for (const [colorScheme, errors] of Object.entries(found)) {
        await app.page.emulateMedia({ colorScheme });
        await check(app, `${colorScheme}, ${stage}`).catch((error) => errors.push(error));
      }
    });
    return found;
  };
  return async (t, colours) => {
    walked ??= start(t);
    const [error] = (await walked)[colours];
    if (error) throw error;
  };
}

/** Fails when something is wider than the screen, so that one would have to scroll sideways. */
export async function checkWidth(app, stage) {
  const { scroll, width, culprits } = await app.page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    width: document.documentElement.clientWidth,
    culprits: [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
      .slice(0, 5)
      .map((element) => element.outerHTML.slice(0, 120)),
  }));
  assert.ok(scroll <= width, `${stage}: ${scroll} px wide; ${culprits.join("\n")}`);
}
