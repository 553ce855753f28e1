import { lazy, Suspense, useRef, useState } from "react";
import { useNavigate } from "react-router";

import { useShortcuts } from "@/shared/ui/useShortcuts";

import { ENTRIES } from "./Navigation";

const KeyboardHelp = lazy(async () => ({ default: (await import("./KeyboardHelp")).KeyboardHelp }));
const FOLLOWS_WITHIN_MS = 1500;

/** The keys that work on every page: `?` explains them, `g` and a letter lead to a page. */
export function Keyboard() {
  const navigate = useNavigate();
  const [helping, setHelping] = useState(false);
  const goneAt = useRef(0);
  const goTo = (to: string) => (event: KeyboardEvent) => {
    if (event.timeStamp - goneAt.current > FOLLOWS_WITHIN_MS) return;
    goneAt.current = 0;
    event.preventDefault();
    void navigate(to);
  };
  useShortcuts({
    ...Object.fromEntries(ENTRIES.map(({ letter, to }) => [letter, goTo(to)])),
    g: (event) => {
      goneAt.current = event.timeStamp;
    },
    "?": (event) => {
      event.preventDefault();
      setHelping(true);
    },
  });
  if (!helping) return null;
  return (
    <Suspense fallback={null}>
      <KeyboardHelp onClose={() => setHelping(false)} />
    </Suspense>
  );
}
