import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import { underPasteName, withoutFontFaces, withoutInlineStyle } from "../build/pasteUnderPolicy";

const resolve = createRequire(import.meta.url).resolve;
const installed = (name: string): string => readFileSync(join(dirname(resolve(name)), "index.es.js"), "utf8");

test("the installed theme loads nothing from a CDN any more", () => {
  const theme = installed("@twilio-paste/theme");
  expect(theme).toContain("assets.twilio.com");
  const kept = withoutFontFaces(theme);
  expect(kept).not.toContain("@font-face");
  expect(kept).toContain("paste-theme-provider");
});

test("a theme that names the CDN in another way stops the build", () => {
  expect(() => withoutFontFaces("fetch('https://assets.twilio.com/font')")).toThrow("font rules have changed");
});

test("the installed dialog adds no inline style any more", () => {
  const dialog = installed("@twilio-paste/modal-dialog-primitive");
  expect(withoutInlineStyle(dialog)).not.toContain("createTextNode(css)");
});

test("a dialog that adds its style in another way stops the build", () => {
  expect(() => withoutInlineStyle("tag.innerHTML = css")).toThrow("another way");
});

test("the packaged Inter has the name that the theme asks for", () => {
  const css = readFileSync(resolve("@fontsource-variable/inter/index.css"), "utf8");
  expect(underPasteName(css)).toContain("font-family: 'Inter var'");
  expect(underPasteName(css)).not.toContain("Inter Variable");
});
