// What else the machine is doing, so that another program does not fail a speed test.

import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/**
 * Starts watching. The function that it returns says how many cores, on average since then, were busy with other processes than this one and its children.
 * Always 0 on systems without /proc.
 */
export function watchOthers() {
  const start = sample();
  return () => {
    const end = sample();
    if (!start || !end) return 0;
    const seconds = (end.at - start.at) / 1000;
    return Math.max(0, (end.others - start.others) / TICKS_PER_SECOND / seconds);
  };
}

function sample() {
  try {
    const [, user, nice, system] = readFileSync("/proc/stat", "utf8").split("\n", 1)[0].split(/\s+/).map(Number);
    return { at: performance.now(), others: user + nice + system - ownTicks() };
  } catch {
    return undefined;
  }
}

/** Processor time of this process and all its descendants. */
function ownTicks() {
  const children = new Map();
  const ticks = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let text;
    try {
      text = readFileSync(`/proc/${name}/stat`, "utf8");
    } catch {
      // It has ended meanwhile.
      continue;
    }
    // The fields after the command, which is in brackets and may contain anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [parent, user, system, childrenUser, childrenSystem] = [1, 11, 12, 13, 14].map((field) => Number(fields[field]));
    const pid = Number(name);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
    ticks.set(pid, user + system + childrenUser + childrenSystem);
  }
  let sum = 0;
  const waiting = [process.pid];
  while (waiting.length > 0) {
    const pid = waiting.pop();
    sum += ticks.get(pid) ?? 0;
    waiting.push(...(children.get(pid) ?? []));
  }
  return sum;
}
