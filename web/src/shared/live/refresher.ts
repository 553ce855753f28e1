import type { QueryClient, QueryKey } from "@tanstack/react-query";

type Timer = ReturnType<typeof setTimeout>;

export interface Refresher {
  readonly refresh: () => void;
  readonly stop: () => void;
}

/**
 * Reads answers again after a change: soon, and once more when services that follow the same journals have surely
 * caught up. Many changes in a row cost one reading per `soonMs`.
 */
export function refresher(client: QueryClient, keys: readonly QueryKey[], soonMs = 700, laterMs = 4000): Refresher {
  let soon: Timer | undefined;
  let later: Timer | undefined;
  const read = (): void => keys.forEach((queryKey) => void client.invalidateQueries({ queryKey }));
  const readSoon = (): void => {
    soon = undefined;
    read();
  };
  return {
    refresh: () => {
      soon ??= setTimeout(readSoon, soonMs);
      clearTimeout(later);
      later = setTimeout(read, laterMs);
    },
    stop: () => {
      clearTimeout(soon);
      clearTimeout(later);
    },
  };
}
