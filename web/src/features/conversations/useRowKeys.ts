import type { RefObject } from "react";

import { useShortcuts } from "@/shared/ui/useShortcuts";

interface RowKeys {
  readonly table: RefObject<HTMLElement>;
  readonly search: RefObject<HTMLInputElement>;
  readonly onSelect: (sid: string) => void;
  readonly onClose: (sid: string) => void;
}

/** j and k move along the rows' links (Enter opens one by itself), x selects, e closes, / searches. */
export function useRowKeys({ table, search, onSelect, onClose }: RowKeys): void {
  const rows = (): readonly HTMLElement[] => [...(table.current?.querySelectorAll<HTMLElement>("[data-sid]") ?? [])];
  const current = (): number => rows().findIndex((row) => row.contains(document.activeElement));
  const move = (by: number): void => {
    const all = rows();
    const to = Math.min(all.length - 1, Math.max(0, current() + by));
    all[to]?.querySelector("a")?.focus();
  };
  const withCurrent = (act: (sid: string) => void): void => {
    const sid = rows()[current()]?.dataset["sid"];
    if (sid) act(sid);
  };
  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    x: () => withCurrent(onSelect),
    e: () => withCurrent(onClose),
    "/": (event) => {
      event.preventDefault();
      search.current?.focus();
    },
  });
}
