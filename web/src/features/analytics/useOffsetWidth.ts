import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** A box's width in pixels, also after it changes; 0 before it is drawn. */
export function useOffsetWidth(): { readonly ref: RefObject<HTMLDivElement>; readonly width: number } {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const box = ref.current;
    if (!box || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => setWidth(box.offsetWidth));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}
