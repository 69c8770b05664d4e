// Runs the end-to-end tests, which are files `*.test.mjs` in this folder: two files at a time, the longest first, then one by one those that measure something.
//
// npm test [-- [--shard 1/3] [--test-name-pattern PATTERN] [FILE …]]
//
// A FILE may be named in part, e.g. `webgpu`.
// What the runner has to know of a file the file's own first lines say: `// Takes about 40 s.`, and `// Runs alone: ` with the reason.

import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { PassThrough } from "node:stream";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const AT_A_TIME = 2;
const SLOWEST = 10;
/** What the runner of each file counts, in the order in which the sums are printed. */
const COUNTS = ["tests", "pass", "fail", "cancelled", "skipped"];

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { shard: { type: "string" }, "test-name-pattern": { type: "string", multiple: true } },
});

/** A file of tests, and what its first lines say about it. */
function described(name) {
  const path = join(FOLDER, name);
  const [head] = readFileSync(path, "utf8").split(/^(?!\/\/)/m, 1);
  const seconds = /^\/\/ Takes about (\d+) s\.$/m.exec(head);
  if (!seconds) throw new Error(`${name} does not say in its first lines how long it takes: "// Takes about 40 s."`);
  return { path, seconds: Number(seconds[1]), isAlone: /^\/\/ Runs alone: /m.test(head) };
}

/** Parts the files into shares that take about the same time, and returns the one that is asked for as `1/3`. */
function share(files, shard) {
  const [, index, total] = /^(\d+)\/(\d+)$/.exec(shard)?.map(Number) ?? [];
  if (!(index >= 1 && index <= total)) throw new Error(`--shard wants e.g. 1/3, not ${shard}`);
  const shares = Array.from({ length: total }, () => ({ files: [], seconds: 0 }));
  for (const file of files) {
    const emptiest = shares.reduce((least, other) => (other.seconds < least.seconds ? other : least));
    emptiest.files.push(file);
    // What runs beside another file takes half of the time.
    emptiest.seconds += file.isAlone ? file.seconds : file.seconds / AT_A_TIME;
  }
  return shares[index - 1].files;
}

const counts = Object.fromEntries(COUNTS.map((name) => [name, 0]));
const tests = [];
// One reporter for everything, so that whatever failed is told once more at the end.
const events = new PassThrough({ objectMode: true });
const report = events.compose(spec);
report.pipe(process.stdout, { end: false });
const isReported = once(report, "end");

/** Runs one file, and reports it when it is over: what two files say at the same time nobody can read. */
async function runFile({ path }) {
  const name = relative(FOLDER, path);
  const start = performance.now();
  const found = [];
  for await (const event of run({ files: [path], testNamePatterns: options["test-name-pattern"] })) {
    const [, count, value] = (event.type === "test:diagnostic" && /^(\w+) ([\d.]+)$/.exec(event.data.message)) || [];
    if (COUNTS.includes(count)) counts[count] += Number(value);
    else if (count !== "suites" && count !== "todo" && count !== "duration_ms") found.push(event);
    if (event.type === "test:pass" && event.data.details.type !== "suite") tests.push({ ...event.data, file: name });
  }
  events.write({ type: "test:diagnostic", data: { nesting: 0, message: `${name}: ${((performance.now() - start) / 1000).toFixed(1)} s` } });
  for (const event of found) events.write(event);
}

/** Runs files in their order, some at a time. */
async function runFiles(files, atATime) {
  const waiting = [...files];
  const runNext = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) await runFile(file);
  };
  await Promise.all(Array.from({ length: atATime }, runNext));
}

const isNamed = (file) => names.length === 0 || names.some((name) => file.includes(name));
const all = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".test.mjs") && isNamed(name))
  .map(described)
  .sort((a, b) => b.seconds - a.seconds);
const files = options.shard ? share(all, options.shard) : all;

await runFiles(files.filter(({ isAlone }) => !isAlone), AT_A_TIME);
await runFiles(files.filter(({ isAlone }) => isAlone), 1);
events.end();
await isReported;

console.log("\nThe slowest tests:");
for (const { file, name, details } of tests.sort((a, b) => b.details.duration_ms - a.details.duration_ms).slice(0, SLOWEST)) {
  console.log(`${(details.duration_ms / 1000).toFixed(1).padStart(8)} s  ${file}: ${name}`);
}
// Last, and in this form, for `crates/xtask/src/test.rs`, which reads them.
for (const [name, count] of Object.entries(counts)) console.log(`# ${name} ${count}`);
if (counts.tests === 0) console.error("No test ran.");
process.exitCode = counts.tests > 0 && counts.fail === 0 && counts.cancelled === 0 ? 0 : 1;
