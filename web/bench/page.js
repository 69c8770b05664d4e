// Holds the workers that are measured. `run.mjs` drives it from outside the browser.

const workers = new Map();

// Longer than any honest answer takes: a worker that is silent for so long has lost the question.
const PATIENCE_MS = 10 * 60_000;

window.bench = {
  /** Starts a worker under `name`. */
  open(name, url, type) {
    workers.set(name, new Worker(url, { type }));
  },

  /** Sends one message and waits for its one answer. Only one question is open at a time, so nothing else computes meanwhile. */
  ask(name, message) {
    const worker = workers.get(name);
    return new Promise((resolve, reject) => {
      const silence = setTimeout(() => reject(new Error(`${name}: no answer to ${Object.keys(message)}`)), PATIENCE_MS);
      worker.onerror = (event) => reject(new Error(`${name}: ${event.message ?? "the worker did not load"}`));
      worker.onmessage = ({ data }) => {
        clearTimeout(silence);
        if (data.error) reject(new Error(`${name}: ${data.error}`));
        else resolve(data);
      };
      worker.postMessage(message);
    });
  },

  /** Both sides embed the same input; returns how alike the results are. */
  async agreement(one, other, seed) {
    let state = seed;
    const input = Float32Array.from({ length: 3 * 224 * 224 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 31 - 1;
    });
    const a = (await this.ask(one, { features: input })).features;
    const b = (await this.ask(other, { features: input })).features;
    let dot = 0, aa = 0, bb = 0, largest = 0;
    for (let i = 0; i < a.length; i += 1) {
      dot += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
      largest = Math.max(largest, Math.abs(a[i] - b[i]));
    }
    return { cosine: dot / Math.sqrt(aa * bb), largest_difference: largest, features: a.length };
  },

  /** What kind of WebGPU adapter there is. */
  async adapter() {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) return { kind: "none" };
    const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
    const software = isFallbackAdapter || /swiftshader|llvmpipe/i.test(`${vendor} ${architecture} ${description}`);
    return { kind: software ? "software" : "hardware", vendor, architecture, description };
  },
};
