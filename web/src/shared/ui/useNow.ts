import { useEffect, useState } from "react";

/** The time, every `intervalMs`; stands still while `running` is false. */
export function useNow(intervalMs: number, running: boolean): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(new Date()), intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs, running]);
  return now;
}
