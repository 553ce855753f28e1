import { formatLanguage } from "@/shared/format/languages";
import { formatCount, formatUsd } from "@/shared/format/numbers";
import { formatCaller } from "@/shared/format/phones";
import { Elapsed } from "@/shared/ui/Elapsed";
import { type Fact, Facts } from "@/shared/ui/Facts";
import { Moment } from "@/shared/ui/Moment";
import { Sid } from "@/shared/ui/Sid";
import { text } from "@/texts";

import type { CallDetail } from "./api/call";
import { directionText, reasonText } from "./reasons";

/** What is known about a call besides its words. */
export function CallFacts({ call }: { readonly call: CallDetail }) {
  const facts: readonly (Fact | null)[] = [
    { label: text.calls.language, value: formatLanguage(call.language) },
    { label: text.calls.duration, value: <Elapsed from={call.started_at} to={call.ended_at} /> },
    { label: text.calls.turns, value: formatCount(call.turns) },
    { label: text.calls.started, value: <Moment at={call.started_at} /> },
    call.state === "ended" ? { label: text.calls.reason, value: reasonText(call.reason) } : null,
    { label: text.calls.direction, value: directionText(call.direction) },
    { label: text.calls.called, value: formatCaller(call.called) },
    call.agent ? { label: text.calls.agent, value: call.agent } : null,
    call.persona ? { label: text.calls.persona, value: call.persona } : null,
    call.usage["total_tokens"] ? { label: text.calls.tokens, value: formatCount(call.usage["total_tokens"]) } : null,
    call.cost_usd === null ? null : { label: text.calls.cost, value: formatUsd(call.cost_usd) },
    { label: text.calls.sid, value: <Sid>{call.call_sid}</Sid>, wide: true },
  ];
  return <Facts facts={facts.filter((fact) => fact !== null)} />;
}
