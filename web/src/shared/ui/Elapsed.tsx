import { formatDuration, parseTime, secondsBetween } from "@/shared/format/times";
import { text } from "@/texts";

import { useNow } from "./useNow";

/** How long something took; counts while it has no end. */
export function Elapsed({ from, to }: { readonly from: string | null; readonly to: string | null }) {
  const start = parseTime(from);
  const end = parseTime(to);
  const now = useNow(1000, end === null);
  if (!start) return <>{text.noValueMark}</>;
  const seconds = Math.max(0, secondsBetween(start, end ?? now));
  // The role keeps screen readers from reading every second.
  return (
    <time role="timer" aria-live="off" dateTime={`PT${String(seconds)}S`}>
      {formatDuration(seconds)}
    </time>
  );
}
