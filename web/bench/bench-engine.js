// Headstart's side of the benchmark: the engine's own code, without page and messages, in a module worker.
// It answers the same messages as tfjs-worker.js.

const INPUT_PX = 224;
const FEATURES = 1280;
const BATCH = 16;

let bench;

self.onmessage = async ({ data }) => {
  try {
    postMessage(await answer(data));
  } catch (error) {
    postMessage({ error: String(error?.stack ?? error) });
  }
};

async function answer(request) {
  if (request.start) return { started: await start(request.start) };
  if (request.features) return { features: await bench.embed(request.features) };
  if (request.embed) return { ms: await timeEmbedding(request) };
  if (request.crossValidate) return { ms: await timeCrossValidation(request.crossValidate) };
  if (request.fineTune) return { ms: await timeFineTuning(request.fineTune) };
  if (request.headSteps) return { ms: await timeHead(request) };
  throw new Error(`unknown request: ${Object.keys(request)}`);
}

async function start({ device, weightsUrl }) {
  const engine = await import(`./${device}/engine-bench.js`);
  await engine.default();
  const weights = new Uint8Array(await (await fetch(weightsUrl)).arrayBuffer());
  bench = await engine.Bench.load(device, weights);
  return { device };
}

/** Numbers between -1 and 1 from a fixed linear congruential generator, as in tfjs-worker.js. */
function noise(length, seed) {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

async function timeEmbedding({ embed: runs, warmup = 0, batch = 1 }) {
  const planes = noise(batch * INPUT_PX * INPUT_PX * 3, 1);
  const ms = [];
  for (let run = -warmup; run < runs; run += 1) {
    const before = performance.now();
    await bench.embed(planes);
    if (run >= 0) ms.push((performance.now() - before) / batch);
  }
  return ms;
}

async function timeHead({ headSteps, repeats, warmup = 0 }) {
  const embeddings = noise(BATCH * FEATURES, 2).map(Math.abs);
  const ms = [];
  for (let repeat = -warmup; repeat < repeats; repeat += 1) {
    const before = performance.now();
    await bench.train_head(embeddings, headSteps);
    if (repeat >= 0) ms.push(performance.now() - before);
  }
  return ms;
}

async function timeCrossValidation({ images, classes, folds, repeats }) {
  const embeddings = noise(images * FEATURES, 3).map(Math.abs);
  const ms = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const before = performance.now();
    await bench.cross_validate(embeddings, classes, folds);
    ms.push(performance.now() - before);
  }
  return ms;
}

async function timeFineTuning({ images, heldBack, classes, blocks, epochs, values }) {
  const activations = noise(values, 5);
  const before = performance.now();
  await bench.fine_tune(activations, images, heldBack, classes, blocks, epochs);
  return [performance.now() - before];
}
