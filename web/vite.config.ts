import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { pasteUnderPolicy } from "./build/pasteUnderPolicy.ts";
import { precompress } from "./build/precompress.ts";

/** Where conversations_api listens; the console knows no other origin. */
const platform = process.env["CONVERSATIONS_URL"] ?? "http://127.0.0.1:3001";
const forward = { target: platform, changeOrigin: false, ws: true };

export default defineConfig({
  plugins: [pasteUnderPolicy(), react(), precompress()],
  // The dev server bundles dependencies on its own.
  optimizeDeps: { rolldownOptions: { plugins: [pasteUnderPolicy()] } },
  resolve: {
    alias: [
      { find: /^@\//, replacement: fileURLToPath(new URL("./src/", import.meta.url)) },
      // `@twilio-paste/core/x` only re-exports `@twilio-paste/x` through CommonJS: naming the part itself lets
      // the bundler drop what a page does not use.
      { find: /^@twilio-paste\/core\/(.+)$/, replacement: "@twilio-paste/$1" },
    ],
  },
  server: { port: 3000, strictPort: true, host: "127.0.0.1", proxy: { "/api": forward, "/svc": forward } },
  build: {
    // The policy allows fonts and images from this origin only: nothing may become a data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 600,
    // Files that change together: what comes from the dependencies stays in the browser's cache when pages change.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler|react-router|@tanstack)[\\/]/ },
            {
              name: "paste",
              test: /@twilio-paste[\\/](styling-library|animation-library|design-tokens|theme|style-props|box|button|anchor|callout|spinner|text|screen-reader-only|uid-library)[\\/]/,
            },
            // Drawn on one page only, and heavier than all others together.
            {
              name: "charts",
              test: /node_modules[\\/](recharts|victory-vendor|d3-|@reduxjs|react-redux|immer|decimal)/,
            },
            // Of src/shared only what the first page needs: forms and dialogs would bring their parts of Paste along.
            {
              name: "shared",
              test: /src[\\/](shared[\\/](api|format|live|operator|url)|texts)[\\/]|node_modules[\\/](date-fns|valibot)[\\/]/,
            },
          ],
        },
      },
    },
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    // The files share nothing that a test does not put back itself: a new window for each would double the time.
    isolate: false,
    unstubGlobals: true,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
