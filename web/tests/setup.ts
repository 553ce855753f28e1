import "@testing-library/jest-dom/vitest";

import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// Pages are lazy: the first test of a file also waits for its page to be compiled, on a busy machine for long.
configure({ asyncUtilTimeout: 15_000 });

afterEach(cleanup);

// jsdom has no layout: every media query matches, as on a wide screen in the light theme.
window.matchMedia = (query: string) =>
  Object.assign(new EventTarget(), {
    matches: !query.includes("dark"),
    media: query,
    onchange: null,
    addListener: () => undefined,
    removeListener: () => undefined,
  });
