// Weights files as torchvision would write them, with the made-up numbers of tools/make-backbone-goldens.py.

import { readFile } from "node:fs/promises";
import { crc32 } from "node:zlib";

const GOLDEN = new URL("../../../crates/backbones/tests/golden/opened/", import.meta.url);

/** Numbers from -1 to 1, by a tensor's name and a number's place in it. */
function noise(name, count) {
  const seed = crc32(name);
  return Array.from({ length: count }, (_, place) => {
    let x = (Math.imul(place, 0x9e3779b9) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    return (x >>> 8) / 2 ** 23 - 1;
  });
}

function values(name, shape) {
  const [rows, ...row] = shape;
  const width = row.reduce((product, size) => product * size, 1);
  const scale = shape.length > 1 ? Math.sqrt(6 / width) : 0.2;
  return Float32Array.from(noise(name, rows * width), (number) => number * scale);
}

/** Names and shapes of torchvision's `squeezenet1_1`, without its classifier. */
export function squeezenet() {
  const shapes = { "features.0.weight": [64, 3, 3, 3], "features.0.bias": [64] };
  const fires = [
    [3, 64, 16, 64],
    [4, 128, 16, 64],
    [6, 128, 32, 128],
    [7, 256, 32, 128],
    [9, 256, 48, 192],
    [10, 384, 48, 192],
    [11, 384, 64, 256],
    [12, 512, 64, 256],
  ];
  for (const [at, input, squeezed, expanded] of fires) {
    for (const [part, shape] of [
      ["squeeze", [squeezed, input, 1, 1]],
      ["expand1x1", [expanded, squeezed, 1, 1]],
      ["expand3x3", [expanded, squeezed, 3, 3]],
    ]) {
      shapes[`features.${at}.${part}.weight`] = shape;
      shapes[`features.${at}.${part}.bias`] = [shape[0]];
    }
  }
  return shapes;
}

/** A safetensors file of these tensors; `change` may alter the numbers of each. */
export function safetensors(shapes, change = () => {}) {
  const header = {};
  const bodies = [];
  let offset = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const numbers = values(name, shape);
    change(name, numbers, shape);
    const body = Buffer.from(numbers.buffer);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + body.length] };
    offset += body.length;
    bodies.push(body);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...bodies]);
}

/** A picture of the model's input size, and the features that PyTorch computes for it. */
export async function golden(model, folder = GOLDEN, what = "features") {
  const [picture, file] = await Promise.all([readFile(new URL(`${model}.png`, folder)), readFile(new URL(`${model}.${what}.safetensors`, folder))]);
  return { picture, features: features(file) };
}

/** The only tensor of a safetensors file, f32. */
export function features(file) {
  const start = 8 + Number(file.readBigUInt64LE(0));
  return Array.from(new Float32Array(file.buffer.slice(file.byteOffset + start, file.byteOffset + file.length)));
}

export function cosine(a, b) {
  const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
