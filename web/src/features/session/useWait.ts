import { useEffect, useState } from "react";

import { hasStatus } from "@/shared/api/apiError";

const WITHOUT_HEADER_S = 60;

/** Seconds left of the wait a 429 asked for; 0 without one. */
export function useWait(error: Error | null): number {
  const [leftS, setLeftS] = useState(0);
  useEffect(() => {
    const waitS = hasStatus(error, 429) ? (error.retryAfterS ?? WITHOUT_HEADER_S) : 0;
    const end = Date.now() + waitS * 1000;
    const count = (): void => setLeftS(Math.max(0, Math.ceil((end - Date.now()) / 1000)));
    count();
    if (waitS === 0) return;
    const timer = setInterval(count, 1000);
    return () => clearInterval(timer);
  }, [error]);
  return leftS;
}
