// What a failed test leaves behind when `HEADSTART_TRACES=1`: a Playwright trace and a picture of every page, in `web/test-results/`.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const FOLDER = fileURLToPath(new URL("../../test-results/", import.meta.url));
const IS_WANTED = process.env.HEADSTART_TRACES === "1";

/** Begins to record what happens in a context. `npx playwright show-trace FILE` shows it. */
export async function record(context) {
  if (IS_WANTED) await context.tracing.start({ screenshots: true, snapshots: true });
}

/** Keeps the recording of a test that has failed, and drops that of another. The context still has to be open. */
export async function keep(t, context, hasFailed) {
  if (!IS_WANTED) return;
  if (!hasFailed) {
    await context.tracing.stop().catch(() => {});
    return;
  }
  await mkdir(FOLDER, { recursive: true });
  const name = t.name.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 80);
  // A test may have more than one context.
  const unique = `${name}-${process.pid}-${Date.now() % 1e6}`;
  for (const [index, page] of context.pages().entries()) {
    await page.screenshot({ path: join(FOLDER, `${unique}-${index}.png`) }).catch(() => {});
  }
  await context.tracing.stop({ path: join(FOLDER, `${unique}.zip`) }).catch(() => {});
}
