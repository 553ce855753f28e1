import { useCallback, useSyncExternalStore } from "react";

/** Whether the media query matches, also later. */
export function useMediaQuery(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const media = window.matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
}

/** Room for a table; below, rows are shown as cards. */
export const useHasTableRoom = (): boolean => useMediaQuery("(min-width: 48rem)");
