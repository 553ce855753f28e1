import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

const SOURCE = join(import.meta.dirname, "../src");
const LAYERS = ["texts", "theme", "shared", "features", "app"];
const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
const imports = files.flatMap((file) =>
  [...readFileSync(join(SOURCE, file), "utf8").matchAll(/from "@\/([^"]+)"/g)].map(([, target = ""]) => ({
    file,
    target,
  })),
);

const layer = (path: string) => LAYERS.indexOf(path.split("/")[0] ?? "");
const feature = (path: string) => /^features\/([^/]+)/.exec(path)?.[1];

test("imports go one way: texts and theme, shared, features, app", () => {
  const main = "main.tsx";
  expect(imports.length).toBeGreaterThan(100);
  expect(imports.filter(({ file, target }) => file !== main && layer(target) > layer(file))).toEqual([]);
});

test("no feature knows another one", () => {
  const crossing = imports.filter(
    ({ file, target }) => feature(file) && feature(target) && feature(file) !== feature(target),
  );
  expect(crossing).toEqual([]);
});
