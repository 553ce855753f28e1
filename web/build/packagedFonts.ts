import type { Plugin } from "vite";

const PASTE_THEME = /@twilio-paste[\\/]theme[\\/]dist[\\/].*\.js$/;
const PACKAGED_INTER = /@fontsource-variable[\\/]inter[\\/]index\.css$/;
const FONT_FACE = /@font-face\s*\{[^}]*\}/g;
const CDN = "assets.twilio.com";

/** The source without its @font-face rules. Fails when a CDN address is left, so that an update cannot bring it back. */
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
 * Paste's theme loads Inter and Twilio Sans from a CDN. The console works offline and allows fonts from its own origin
 * only, so those rules go and the packaged Inter takes their place.
 */
export function packagedFonts(): Plugin {
  return {
    name: "packaged-fonts",
    enforce: "pre",
    transform: {
      filter: { id: [PASTE_THEME, PACKAGED_INTER] },
      handler(source, id) {
        return { code: PASTE_THEME.test(id) ? withoutFontFaces(source) : underPasteName(source), map: null };
      },
    },
  };
}
