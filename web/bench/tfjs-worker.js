// TensorFlow.js' side of the benchmark: EfficientNet-Lite0 and the head's training, in a classic worker.
//
// The network is built from the same safetensors file that the app ships, with TensorFlow.js' fused operations, as a converted graph model would use them.
// Inputs are ready-made arrays and outputs are read back, so that both sides of the benchmark measure the same piece of work.
//
// Messages in → out:
//   {start: {backend: "wasm" | "webgpu", weightsUrl, distUrls}} → {started: {version, backend, flags}}
//   {features: Float32Array, NCHW [1, 3, 224, 224]}             → {features: Float32Array [1280]}
//   {embed: n, warmup: k, batch: b}                             → {ms: n times, each for one image}
//   {headSteps: s, repeats: n, warmup: k}                       → {ms: n times, each for s steps}

"use strict";

const INPUT_PX = 224;
const FEATURES = 1280;
const HIDDEN = 100;
const CLASSES = 4;
const BATCH = 16;
const LEARNING_RATE = 1e-3;

// Block table of EfficientNet-Lite0: repeats, kernel, stride, expansion; channels follow from the weights.
const STAGES = [
  [1, 3, 1, 1],
  [2, 3, 2, 6],
  [2, 5, 2, 6],
  [3, 3, 2, 6],
  [3, 5, 1, 6],
  [4, 5, 2, 6],
  [1, 3, 1, 6],
];

let tf;
let embed;

self.onmessage = async ({ data }) => {
  try {
    postMessage(await answer(data));
  } catch (error) {
    postMessage({ error: String(error?.stack ?? error) });
  }
};

async function answer(request) {
  if (request.start) return { started: await start(request.start) };
  if (request.features) return { features: await features(request.features) };
  if (request.embed) return { ms: await timeEmbedding(request) };
  if (request.headSteps) return { ms: await timeHead(request) };
  throw new Error(`unknown request: ${Object.keys(request)}`);
}

async function start({ backend, weightsUrl, distUrls }) {
  importScripts(distUrls.core, distUrls[backend]);
  tf = self.tf;
  if (backend === "wasm") {
    tf.wasm.setWasmPaths(distUrls.wasmFolder);
    tf.wasm.setThreadsCount(1);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no ${backend} backend here`);
  await tf.ready();
  const tensors = readSafetensors(await (await fetch(weightsUrl)).arrayBuffer());
  embed = efficientNetLite0(tensors);
  return {
    version: tf.version.tfjs,
    backend: tf.getBackend(),
    flags:
      backend === "wasm"
        ? {
            simd: await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"),
            threads: await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT"),
          }
        : {},
  };
}

// --- the network ---------------------------------------------------------------------------------

/** Builds `(x: [n, 224, 224, 3]) → [n, 1280]` from tensors in PyTorch's layout. */
function efficientNetLite0(tensors) {
  const named = (name) => {
    const found = tensors.get(name);
    if (!found) throw new Error(`the weights have no tensor ${name}`);
    return found;
  };
  // [out, in, h, w] → [h, w, in, out]; a depthwise filter [c, 1, h, w] → [h, w, c, 1].
  const filter = (name, axes) => tf.tidy(() => tf.transpose(tf.tensor(named(name).values, named(name).shape), axes));
  const bias = (name) => tf.tensor1d(named(name).values);
  const convolution = (name) => ({ filter: filter(`${name}.weight`, [2, 3, 1, 0]), bias: bias(`${name}.bias`) });
  const depthwise = (name) => ({ filter: filter(`${name}.weight`, [2, 3, 0, 1]), bias: bias(`${name}.bias`) });

  const stem = convolution("stem");
  const blocks = [];
  for (const [repeats, , firstStride, expansion] of STAGES) {
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const name = `blocks.${blocks.length}`;
      blocks.push({
        stride: repeat === 0 ? firstStride : 1,
        residual: repeat > 0,
        expand: expansion === 1 ? null : convolution(`${name}.expand`),
        depthwise: depthwise(`${name}.depthwise`),
        project: convolution(`${name}.project`),
      });
    }
  }
  const head = convolution("head");

  const conv2d = (x, { filter, bias }, strides, activation) =>
    tf.fused.conv2d({ x, filter, bias, strides, pad: "same", activation });
  return (x) => {
    let y = conv2d(x, stem, 2, "relu6");
    for (const block of blocks) {
      const input = y;
      if (block.expand) y = conv2d(y, block.expand, 1, "relu6");
      const { filter, bias } = block.depthwise;
      y = tf.fused.depthwiseConv2d({ x: y, filter, bias, strides: block.stride, pad: "same", activation: "relu6" });
      y = conv2d(y, block.project, 1, "linear");
      if (block.residual) y = tf.add(y, input);
    }
    return tf.mean(conv2d(y, head, 1, "relu6"), [1, 2]);
  };
}

/** Reads a safetensors file of F16 or F32 tensors into a map of `{shape, values: Float32Array}`. */
function readSafetensors(buffer) {
  const view = new DataView(buffer);
  const headerLength = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerLength)));
  const tensors = new Map();
  delete header.__metadata__;
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    const bytes = buffer.slice(8 + headerLength + from, 8 + headerLength + to);
    if (dtype === "F32") tensors.set(name, { shape, values: new Float32Array(bytes) });
    else if (dtype === "F16") tensors.set(name, { shape, values: Float32Array.from(new Uint16Array(bytes), halfToFloat) });
    else throw new Error(`${name} is ${dtype}; only F16 and F32 are expected`);
  }
  return tensors;
}

function halfToFloat(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

async function features(nchw) {
  const output = tf.tidy(() => embed(tf.transpose(tf.tensor(nchw, [1, 3, INPUT_PX, INPUT_PX]), [0, 2, 3, 1])));
  const values = await output.data();
  output.dispose();
  return new Float32Array(values);
}

// --- the stopwatch -------------------------------------------------------------------------------

/** Numbers between -1 and 1 from a fixed linear congruential generator: the same on every run. */
function noise(length, seed) {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

async function timeEmbedding({ embed: runs, warmup = 0, batch = 1 }) {
  const pixels = noise(batch * INPUT_PX * INPUT_PX * 3, 1);
  const ms = [];
  for (let run = -warmup; run < runs; run += 1) {
    const before = performance.now();
    const output = tf.tidy(() => embed(tf.tensor4d(pixels, [batch, INPUT_PX, INPUT_PX, 3])));
    await output.data();
    const elapsed = performance.now() - before;
    output.dispose();
    if (run >= 0) ms.push(elapsed / batch);
  }
  return ms;
}

async function timeHead({ headSteps, repeats, warmup = 0 }) {
  const embeddings = tf.tensor2d(noise(BATCH * FEATURES, 2).map(Math.abs), [BATCH, FEATURES]);
  const labels = tf.tidy(() => tf.oneHot(tf.tensor1d(Array.from({ length: BATCH }, (_, i) => i % CLASSES), "int32"), CLASSES));
  const ms = [];
  for (let repeat = -warmup; repeat < repeats; repeat += 1) {
    const scaled = (length, seed, fanIn) => noise(length, seed).map((x) => x / Math.sqrt(fanIn));
    const w1 = tf.variable(tf.tensor2d(scaled(FEATURES * HIDDEN, 3, FEATURES), [FEATURES, HIDDEN]));
    const b1 = tf.variable(tf.zeros([HIDDEN]));
    const w2 = tf.variable(tf.tensor2d(scaled(HIDDEN * CLASSES, 4, HIDDEN), [HIDDEN, CLASSES]));
    const b2 = tf.variable(tf.zeros([CLASSES]));
    const optimizer = tf.train.adam(LEARNING_RATE);
    const loss = () => {
      const hidden = tf.fused.matMul({ a: embeddings, b: w1, bias: b1, activation: "relu" });
      return tf.losses.softmaxCrossEntropy(labels, tf.fused.matMul({ a: hidden, b: w2, bias: b2 }));
    };
    const before = performance.now();
    for (let step = 0; step < headSteps; step += 1) optimizer.minimize(loss, false, [w1, b1, w2, b2]);
    // Reading a weight waits until everything queued before it is done.
    await b2.data();
    const elapsed = performance.now() - before;
    if (repeat >= 0) ms.push(elapsed);
    optimizer.dispose();
    for (const variable of [w1, b1, w2, b2]) variable.dispose();
  }
  embeddings.dispose();
  labels.dispose();
  return ms;
}
