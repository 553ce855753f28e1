import { useEffect, useRef } from "react";

import type { PhoneCall } from "./phoneCall";

/** Reads the agent's words aloud as they are heard, with the browser's own voice; an interrupt silences it. */
export function useVoice(call: PhoneCall, enabled: boolean): void {
  const read = useRef({ callSid: "", line: -1, length: 0 });
  const last = call.lines.at(-1);
  useEffect(() => {
    const voice = "speechSynthesis" in window ? window.speechSynthesis : null;
    if (!voice || !enabled) return;
    if (!last || last.who === "you" || last.cut || call.state === "ended") return voice.cancel();
    if (last.who !== "agent") return;
    const known = read.current;
    const same = known.callSid === call.callSid && known.line === last.id;
    const words = last.heard.slice(same ? known.length : 0);
    read.current = { callSid: call.callSid, line: last.id, length: last.heard.length };
    if (words.trim() === "") return;
    const utterance = new SpeechSynthesisUtterance(words);
    utterance.lang = last.language;
    voice.speak(utterance);
  }, [call.callSid, call.state, last, enabled]);
  useEffect(() => () => window.speechSynthesis?.cancel(), []);
}

export const hasVoice = (): boolean => "speechSynthesis" in window;
