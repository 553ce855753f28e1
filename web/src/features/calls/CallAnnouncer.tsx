import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";
import { useEffect, useRef, useState } from "react";

import { formatCaller } from "@/shared/format/phones";
import { fill, text } from "@/texts";

import type { Call } from "./api/call";

/** Tells screen readers that a call has begun or ended; what is said in it they ask for. */
export function CallAnnouncer({ calls }: { readonly calls: readonly Call[] | undefined }) {
  const before = useRef<readonly Call[] | null>(null);
  const [words, setWords] = useState("");
  useEffect(() => {
    if (!calls) return;
    const news = before.current ? changes(before.current, calls) : [];
    before.current = calls;
    if (news.length > 0) setWords(news.join(". "));
  }, [calls]);
  return (
    <ScreenReaderOnly as="div" role="status">
      {words}
    </ScreenReaderOnly>
  );
}

function changes(before: readonly Call[], after: readonly Call[]): readonly string[] {
  const wasLive = new Set(before.filter((call) => call.state === "live").map((call) => call.call_sid));
  return after.flatMap((call) => {
    const live = call.state === "live";
    if (live === wasLive.has(call.call_sid)) return [];
    return [fill(live ? text.calls.announceStarted : text.calls.announceEnded, { caller: formatCaller(call.caller) })];
  });
}
