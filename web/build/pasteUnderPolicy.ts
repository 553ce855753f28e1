import type { Plugin } from "vite";

const CDN = "assets.twilio.com";
const FONT_FACE = /@font-face\s*\{[^}]*\}/g;
const INLINE_STYLE = "tag.appendChild(document.createTextNode(css))";

/** Paste's theme without its @font-face rules, which load from a CDN. Raises when a CDN address is left after an update. */
export function withoutFontFaces(source: string): string {
  const kept = source.replaceAll(FONT_FACE, "");
  if (kept.includes(CDN)) throw new Error(`Paste's theme still names ${CDN}: its font rules have changed`);
  return kept;
}

/** The packaged Inter's rules under the family name that Paste's theme asks for. */
export function underPasteName(css: string): string {
  return css.replaceAll("'Inter Variable'", "'Inter var'");
}

/**
 * Paste's dialog without its inline style, which hides the page's scroll bar: the policy blocks it, and theme/base.css
 * keeps the bar's room anyway. Scrolling behind the dialog is stopped by its script. Raises when an update has moved it.
 */
export function withoutInlineStyle(source: string): string {
  if (!source.includes(INLINE_STYLE)) throw new Error("Paste's dialog adds its inline style in another way now");
  return source.replace(INLINE_STYLE, "void css");
}

const REWRITES: readonly (readonly [RegExp, (source: string) => string])[] = [
  [/@twilio-paste[\\/]theme[\\/]dist[\\/]index\.(es\.)?js$/, withoutFontFaces],
  [/@twilio-paste[\\/]modal-dialog-primitive[\\/]dist[\\/]index\.(es\.)?js$/, withoutInlineStyle],
  [/@fontsource-variable[\\/]inter[\\/]index\.css$/, underPasteName],
];

/**
 * Fits Paste to the console's content security policy: everything from its own origin, no inline style, and no request
 * to anywhere else, so that it works offline.
 */
export function pasteUnderPolicy(): Plugin {
  return {
    name: "paste-under-policy",
    enforce: "pre",
    transform: {
      filter: { id: REWRITES.map(([id]) => id) },
      handler(source, id) {
        const rewrite = REWRITES.find(([pattern]) => pattern.test(id))?.[1];
        return rewrite ? { code: rewrite(source), map: null } : null;
      },
    },
  };
}
