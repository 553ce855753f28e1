import type { QueryClient } from "@tanstack/react-query";

import { summaryKey } from "./api/getSummary";

// Analytics reads the same journals as the live connection, each at its own pace: ask soon, and once more when it has
// surely caught up.
const SOON_MS = 700;
const LATER_MS = 4000;
type Timer = ReturnType<typeof setTimeout>;

/** Reads today's numbers again after a change; many changes in a row cost one reading per 0.7 s. */
export function summaryRefresher(client: QueryClient): { refresh: () => void; stop: () => void } {
  let soon: Timer | undefined;
  let later: Timer | undefined;
  const read = (): void => void client.invalidateQueries({ queryKey: summaryKey });
  const readSoon = (): void => {
    soon = undefined;
    read();
  };
  return {
    refresh: () => {
      soon ??= setTimeout(readSoon, SOON_MS);
      clearTimeout(later);
      later = setTimeout(read, LATER_MS);
    },
    stop: () => {
      clearTimeout(soon);
      clearTimeout(later);
    },
  };
}
