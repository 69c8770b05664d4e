// Headstart against TensorFlow.js 4.22: the same network and the same head training, side by side in one headless Chromium.
//
//   node bench/run.mjs [--engine DIR] [--dist DIR] [--weights FILE] [--out FILE] [--rounds N] [--software-webgpu] [--tfjs-only]
//
// --engine   holds bench-engine.js, the engine in the form that answers bench/tfjs-worker.js' messages (default ../target/bench-engine)
// --dist     the built site, for the bytes over the wire (default ../dist)
// --software-webgpu  measures WebGPU on SwiftShader too; it takes minutes and says little about real graphics cards
//
// The two sides take turns, and each round swaps their order, so that a busy moment of the machine hits both.
// Each computes on one thread: the server sends no cross-origin isolation headers, so TensorFlow.js cannot use its threads.

import { readFile, readdir, stat, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { constants, gzipSync } from "node:zlib";
import { launch, SOFTWARE_WEBGPU } from "../tests/support/browser.mjs";
import { serve } from "../tests/support/server.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, "../..");
const { values: options } = parseArgs({
  options: {
    engine: { type: "string", default: join(ROOT, "target/bench-engine") },
    dist: { type: "string", default: join(ROOT, "dist") },
    weights: { type: "string", default: join(ROOT, "weights/efficientnet-lite0.safetensors") },
    out: { type: "string", default: join(ROOT, "bench.json") },
    rounds: { type: "string", default: "10" },
    "software-webgpu": { type: "boolean", default: false },
    "tfjs-only": { type: "boolean", default: false },
  },
});

const HEAD_STEPS = 200;
const HEADSTART = "Headstart";
const TFJS = "TensorFlow.js";
const CROSS_VALIDATION = { images: 400, classes: 10, folds: 5 };
const CROSS_VALIDATION_GOAL_MS = 10_000;
// 400 images, of which a validation share of 15 % is held back; eight images' activations of 192 × 7 × 7 numbers stand for all.
const FINE_TUNING = { images: 340, heldBack: 60, classes: 10, blocks: 2, epochs: 10, values: 8 * 192 * 7 * 7 };
const FINE_TUNING_GOAL_MS = 180_000;
// Of the embedding and the head training, Headstart's share of TensorFlow.js' time that we promise on the CPU.
const GOALS = { embed: 1.0, head: 1 / 3 };

async function main() {
  const server = await serve({
    "/bench/": HERE,
    "/engine/": resolve(options.engine),
    "/weights/": dirname(resolve(options.weights)),
    "/tfjs/core/": join(HERE, "node_modules/@tensorflow/tfjs/dist"),
    "/tfjs/wasm/": join(HERE, "node_modules/@tensorflow/tfjs-backend-wasm/dist"),
    "/tfjs/webgpu/": join(HERE, "node_modules/@tensorflow/tfjs-backend-webgpu/dist"),
  });
  const flags = options["software-webgpu"] ? SOFTWARE_WEBGPU : ["--enable-unsafe-webgpu"];
  const browser = await launch(flags, { gpu: !options["software-webgpu"] });
  try {
    const report = {
      date: new Date().toISOString(),
      machine: { cpu: cpus()[0]?.model.trim() ?? "unknown", logical_cores: cpus().length },
      browser: `Chromium ${browser.version()}`,
      tfjs: null,
      results: [],
      wire: await bytesOverTheWire(resolve(options.dist)),
    };
    const page = await browser.newPage();
    await page.goto(`${server.url}/bench/`);
    const adapter = await page.evaluate(() => window.bench.adapter());
    report.adapter = adapter;

    await compare(page, server.url, { device: "cpu", backend: "wasm" }, report);
    const wanted = adapter.kind === "hardware" || (adapter.kind === "software" && options["software-webgpu"]);
    if (wanted) await compare(page, server.url, { device: "webgpu", backend: "webgpu" }, report);
    else console.log(`WebGPU is left out: the adapter is ${adapter.kind}.`);

    print(report);
    await writeFile(options.out, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`\nWritten to ${relative(process.cwd(), resolve(options.out)) || options.out}`);
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Measures both sides on one device and adds rows to `report.results`. */
async function compare(page, url, { device, backend }, report) {
  const weightsUrl = `${url}/weights/${basename(options.weights)}`;
  const tfjs = await open(page, `tfjs-${device}`, `${url}/bench/tfjs-worker.js`, "classic", {
    start: {
      backend,
      weightsUrl,
      distUrls: {
        core: `${url}/tfjs/core/tf.min.js`,
        wasm: `${url}/tfjs/wasm/tf-backend-wasm.min.js`,
        webgpu: `${url}/tfjs/webgpu/tf-backend-webgpu.min.js`,
        wasmFolder: `${url}/tfjs/wasm/`,
      },
    },
  });
  report.tfjs = { ...report.tfjs, version: tfjs.started.version, [device]: tfjs.started };
  const sides = [{ name: TFJS, worker: tfjs.name }];
  if (!options["tfjs-only"]) {
    const ours = await open(page, `headstart-${device}`, `${url}/engine/bench-engine.js`, "module", { start: { device, weightsUrl } });
    sides.push({ name: HEADSTART, worker: ours.name });
    const agreement = await page.evaluate(([a, b]) => window.bench.agreement(a, b, 7), [tfjs.name, ours.name]);
    console.log(`${device}: both sides' embeddings of the same input have cosine ${agreement.cosine.toFixed(6)}`);
    if (!(agreement.cosine > 0.999)) throw new Error(`the two sides do not compute the same network on ${device}: ${JSON.stringify(agreement)}`);
    report[`agreement_${device}`] = agreement;
  }

  const slow = report.adapter.kind === "software" && device === "webgpu";
  const work = [
    { task: "embed", batch: 1, message: { embed: slow ? 1 : 10, warmup: slow ? 1 : 2, batch: 1 } },
    { task: "embed", batch: 8, message: { embed: slow ? 1 : 4, warmup: slow ? 0 : 1, batch: 8 } },
    { task: "head", batch: 16, message: { headSteps: HEAD_STEPS, repeats: slow ? 1 : 2, warmup: slow ? 0 : 1 } },
  ];
  const rounds = slow ? 2 : Number(options.rounds);
  const times = new Map();
  for (let round = 0; round < rounds; round += 1) {
    console.error(`${device}: round ${round + 1} of ${rounds}`);
    for (const { task, batch, message } of work) {
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        const { ms } = await page.evaluate(([name, question]) => window.bench.ask(name, question), [side.worker, message]);
        const key = JSON.stringify({ device, task, batch, side: side.name });
        times.set(key, [...(times.get(key) ?? []), ...ms]);
      }
    }
  }
  if (!options["tfjs-only"] && device === "cpu") {
    const question = { crossValidate: { ...CROSS_VALIDATION, repeats: 3 } };
    const { ms } = await page.evaluate(([name, question]) => window.bench.ask(name, question), [sides.at(-1).worker, question]);
    const tuning = await page.evaluate(([name, question]) => window.bench.ask(name, question), [sides.at(-1).worker, { fineTune: FINE_TUNING }]);
    report.fine_tuning = { ...FINE_TUNING, ms: tuning.ms[0] };
    report.cross_validation = { ...CROSS_VALIDATION, ...summary(ms) };
  }
  for (const [key, ms] of times) report.results.push({ ...JSON.parse(key), ...summary(ms) });
}

async function open(page, name, script, type, start) {
  const { started } = await page.evaluate(
    ([name, script, type, start]) => {
      window.bench.open(name, script, type);
      return window.bench.ask(name, start);
    },
    [name, script, type, start],
  );
  return { name, started };
}

function summary(ms) {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { runs: ms.length, median_ms: at(0.5), p10_ms: at(0.1), p90_ms: at(0.9), least_ms: sorted[0] };
}

// --- bytes over the wire -------------------------------------------------------------------------

/** Raw and gzip bytes of every file of the site, in the groups that a visitor loads. */
async function bytesOverTheWire(dist) {
  const files = [];
  let names;
  try {
    names = await readdir(dist, { recursive: true });
  } catch {
    return { missing: `no built site at ${dist}` };
  }
  for (const name of names.toSorted()) {
    const path = join(dist, name);
    if (!(await stat(path)).isFile()) continue;
    const bytes = await readFile(path);
    files.push({ name, group: groupOf(name), raw: bytes.length, gzip: gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }).length });
  }
  const groups = {};
  for (const { group, raw, gzip } of files) {
    groups[group] ??= { raw: 0, gzip: 0 };
    groups[group].raw += raw;
    groups[group].gzip += gzip;
  }
  return { groups, files };
}

function groupOf(name) {
  if (name.startsWith("weights/")) return "weights";
  if (name.startsWith("sample/")) return "sample pictures (on demand)";
  // A visitor's browser loads one of the three engines.
  if (/engine[-_]cpu-relaxed/.test(name)) return "engine, CPU with relaxed SIMD";
  if (/engine[-_]cpu/.test(name)) return "engine, CPU";
  if (/engine[-_]webgpu/.test(name)) return "engine, WebGPU";
  if (/^classifier/.test(name)) return "exported page's program (on demand)";
  if (/^headstart-web.*\.wasm$/.test(name)) return "page, its binary";
  return "page, the rest";
}

// --- the table -----------------------------------------------------------------------------------

function print(report) {
  const find = (device, task, batch, side) =>
    report.results.find((row) => row.device === device && row.task === task && row.batch === batch && row.side === side);
  console.log(`\n${report.machine.cpu}, ${report.browser}, TensorFlow.js ${report.tfjs.version} (${JSON.stringify(report.tfjs.cpu.flags)})\n`);
  console.log(row("device", "work", "side", "median", "10–90 %", "runs"));
  const labels = { embed: (batch) => `embed, batch ${batch}, ms an image`, head: () => `${HEAD_STEPS} head steps, ms` };
  for (const { device, task, batch, side, median_ms, p10_ms, p90_ms, runs } of report.results) {
    const spread = `${p10_ms.toFixed(1)}–${p90_ms.toFixed(1)}`;
    console.log(row(device, labels[task](batch), side, median_ms.toFixed(1), spread, String(runs)));
  }
  report.ratios = [];
  for (const device of ["cpu", "webgpu"]) {
    const fastest = (task, side) =>
      Math.min(...[1, 8, 16].map((batch) => find(device, task, batch, side)?.median_ms ?? Infinity));
    for (const task of ["embed", "head"]) {
      const [ours, theirs] = [fastest(task, HEADSTART), fastest(task, TFJS)];
      if (!Number.isFinite(ours) || !Number.isFinite(theirs)) continue;
      const goal = device === "cpu" ? GOALS[task] : null;
      report.ratios.push({ device, task, headstart_to_tfjs: ours / theirs, goal, met: goal === null ? null : ours / theirs <= goal });
    }
  }
  if (report.ratios.length > 0) {
    console.log("\nHeadstart's time as a share of TensorFlow.js' (each at its better batch size):");
    for (const { device, task, headstart_to_tfjs, goal, met } of report.ratios) {
      const verdict = goal === null ? "" : `, goal ${goal.toFixed(2)}: ${met ? "met" : "MISSED"}`;
      console.log(`  ${device}, ${task}: ${headstart_to_tfjs.toFixed(2)}${verdict}`);
    }
  }
  if (report.cross_validation) {
    const { images, folds, median_ms } = report.cross_validation;
    const verdict = median_ms < CROSS_VALIDATION_GOAL_MS ? "met" : "MISSED";
    console.log(`\n${folds}-fold cross-validation of ${images} images from their embeddings: ${(median_ms / 1000).toFixed(2)} s, goal ${CROSS_VALIDATION_GOAL_MS / 1000} s: ${verdict}`);
  }
  if (report.fine_tuning) {
    const { images, heldBack, blocks, epochs, ms } = report.fine_tuning;
    const verdict = ms < FINE_TUNING_GOAL_MS ? "met" : "MISSED";
    console.log(`\nFine-tuning the last ${blocks} blocks on ${images + heldBack} images for ${epochs} epochs: ${(ms / 1000).toFixed(1)} s, goal ${FINE_TUNING_GOAL_MS / 1000} s: ${verdict}`);
  }
  console.log("\nBytes over the wire:");
  if (report.wire.missing) console.log(`  ${report.wire.missing}`);
  for (const [group, { raw, gzip }] of Object.entries(report.wire.groups ?? {})) {
    console.log(`  ${group.padEnd(30)} ${kB(gzip).padStart(10)} gzip ${kB(raw).padStart(10)} raw`);
  }
}

const row = (device, work, side, median, spread, runs) =>
  `${device.padEnd(7)} ${work.padEnd(29)} ${side.padEnd(14)} ${median.padStart(9)} ${spread.padStart(16)} ${runs.padStart(5)}`;
const kB = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;

await main();
