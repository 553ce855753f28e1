import { type RefObject, useLayoutEffect, useRef } from "react";

const NEAR_PX = 48;

/** Keeps a scrolling box at its end while it grows, unless the reader has scrolled back. */
export function useStickToEnd(growth: unknown): RefObject<HTMLDivElement> {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const note = (): void => {
      atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
    };
    element.addEventListener("scroll", note, { passive: true });
    return () => element.removeEventListener("scroll", note);
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (element && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [growth]);
  return box;
}
