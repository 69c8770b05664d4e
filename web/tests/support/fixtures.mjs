// The images of the tests, by purpose.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

/** The folder of the tests' images. */
export const FIXTURES = resolve(HERE, "../fixtures");

/** The built site: the variable HEADSTART_DIST, else `dist` beside `web`. */
export const DIST = resolve(process.env.HEADSTART_DIST || resolve(HERE, "../../../dist"));

/** Classes of shapes/, in alphabetical order. */
export const SHAPES = ["Circles", "Squares", "Stars"];

/** The paths of a folder's files in the fixtures, in the order of their names. */
export function filesIn(...folder) {
  const path = join(FIXTURES, ...folder);
  return readdirSync(path)
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .map((name) => join(path, name));
}

/** Training images of a class of shapes. */
export const shapes = (className) => filesIn("shapes", "train", className);

/** Images of a class of shapes that no model has seen. */
export const unseenShapes = (className) => filesIn("shapes", "test", className);

/** A file of the fixtures as a file input takes it, under another name. */
export function as(name, path, mimeType = "image/jpeg") {
  return { name, mimeType, buffer: readFileSync(path) };
}

/** Every image of shapes/ as zip entries with the paths that they have there: train/CLASS/… and test/CLASS/…. */
export function shapeEntries() {
  return ["test", "train"].flatMap((part) =>
    SHAPES.flatMap((className) =>
      filesIn("shapes", part, className).map((path) => ({
        path: `${part}/${className}/${path.split("/").at(-1)}`,
        data: readFileSync(path),
      })),
    ),
  );
}
