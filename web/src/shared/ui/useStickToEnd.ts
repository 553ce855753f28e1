import { type RefObject, useLayoutEffect, useRef } from "react";

const NEAR_PX = 48;

interface StickToEnd {
  readonly ref: RefObject<HTMLDivElement>;
  readonly onScroll: () => void;
}

/**
 * Keeps a scrolling box at its end while it grows, unless the reader has scrolled back. `start` names what stands first:
 * when something older comes before it, what the reader sees stays where it is.
 */
export function useStickToEnd(start: string | undefined): StickToEnd {
  const ref = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const before = useRef({ start, height: 0 });
  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    const grown = box.scrollHeight - before.current.height;
    if (atEnd.current) box.scrollTop = box.scrollHeight;
    else if (before.current.start !== start) box.scrollTop += grown;
    before.current = { start, height: box.scrollHeight };
  });
  const onScroll = (): void => {
    const box = ref.current;
    if (box) atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
  };
  return { ref, onScroll };
}
