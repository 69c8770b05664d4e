// The engine worker's script: picks the binary that suits this browser, and starts it.
// The binaries are the same engine: with WebGPU, without it, and without it but with fused multiply-add.

// Those that this site has; filled in by the build. While `cargo xtask serve` still builds, only the one that every browser can run.
const ENGINES = [];

// A module that uses one relaxed SIMD instruction (f32x4.relaxed_madd).
const RELAXED_SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0,
  32, 0, 32, 1, 32, 2, 253, 133, 2, 11,
]);

function cpu(fallback) {
  const relaxed = "engine-cpu-relaxed";
  const name = ENGINES.includes(relaxed) && WebAssembly.validate(RELAXED_SIMD) ? relaxed : "engine-cpu";
  return { name, fallback };
}

// A software ("fallback") adapter computes on the CPU, slower than our own CPU path: it counts as none unless it is asked for.
async function pick(device) {
  if (device === "cpu") return cpu();
  if (!navigator.gpu) return cpu("no_webgpu");
  const adapter = await navigator.gpu
    .requestAdapter({ powerPreference: "high-performance" })
    .catch(() => null);
  if (!adapter) return cpu("no_adapter");
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const isSoftware =
    isFallbackAdapter || adapter.isFallbackAdapter || architecture === "swiftshader";
  if (isSoftware && device !== "webgpu") return cpu("software_adapter");
  if (!ENGINES.includes("engine-webgpu")) return cpu("no_engine");
  const words = [vendor, architecture, description].filter(Boolean);
  return { name: "engine-webgpu", adapter: words.join(" ") };
}

try {
  const device = new URL(self.location.href).searchParams.get("device") ?? "auto";
  const { name, fallback, adapter } = await pick(device);
  const engine = await import(`./${name}.js`);
  await engine.default({ module_or_path: new URL(`./${name}_bg.wasm`, import.meta.url) });
  engine.start(fallback, adapter);
} catch (error) {
  self.postMessage([JSON.stringify({ crashed: { message: `the engine did not load: ${error}` } })]);
}
