// A browser context that the tests of a file use one after another, so that they share what has been compiled.
// Between two tests everything that a page may have stored is deleted.

/** Has all pages of a site in one process, whose threads share compiled WebAssembly. */
export const ONE_PROCESS = "--process-per-site";

/** What a page can be given by itself; whoever wants anything else of a context gets one of their own. */
const OF_A_PAGE = ["viewport", "colorScheme", "reducedMotion"];

export class Warm {
  #browser;
  #site;
  #settings;
  #script;
  #isTaken = false;
  /** @type {import("playwright-core").BrowserContext | undefined} */
  #context;
  /** Belongs to no test, and holds the WebAssembly that pages have asked for: nothing is shared with what is gone. */
  #keeper;
  #kept = new Set();

  /**
   * @param {import("playwright-core").Browser} browser
   * @param {{url: string}} site
   * @param {object} settings  of the context
   * @param {() => void} script  runs in every page before anything else
   */
  constructor(browser, site, settings, script) {
    this.#browser = browser;
    this.#site = site;
    this.#settings = settings;
    this.#script = script;
  }

  /** The context, or undefined when it is in use or cannot be set up like that. */
  async take(options) {
    if (this.#isTaken || Object.keys(options).some((name) => !OF_A_PAGE.includes(name))) return undefined;
    this.#isTaken = true;
    if (!this.#context) await this.#open();
    return this.#context;
  }

  async #open() {
    this.#context = await this.#browser.newContext(this.#settings);
    await this.#context.addInitScript(this.#script);
    this.#keeper = await this.#context.newPage();
    // There is no such page, and what the server says to that belongs to the site all the same.
    await this.#keeper.goto(`${this.#site.url}/none`);
    this.#kept.clear();
    this.#context.on("request", (request) => {
      const url = request.url();
      if (!url.endsWith(".wasm") || this.#kept.has(url)) return;
      this.#kept.add(url);
      const compile = async (url) => {
        window.kept ??= [];
        window.kept.push(await WebAssembly.compileStreaming(fetch(url)));
      };
      // Without it the next test compiles it again.
      this.#keeper.evaluate(compile, url).catch(() => this.#kept.delete(url));
    });
  }

  /** Closes the pages of the test that has ended, and deletes what they have stored. */
  async giveBack() {
    const context = this.#context;
    try {
      for (const page of context.pages()) if (page !== this.#keeper) await page.close();
      await context.setOffline(false);
      const session = await context.newCDPSession(this.#keeper);
      await session.send("Storage.clearDataForOrigin", { origin: this.#site.url, storageTypes: "all" });
      await session.detach();
    } catch {
      // The test has brought the process down; the next one gets another.
      this.#context = undefined;
      await context.close().catch(() => {});
    }
    this.#isTaken = false;
  }
}
