import { Badge } from "@twilio-paste/core/badge";
import { Button } from "@twilio-paste/core/button";
import { useState } from "react";

import { formatCaller } from "@/shared/format/phones";
import { formatLanguage } from "@/shared/format/languages";
import { formatCount } from "@/shared/format/numbers";
import { Elapsed } from "@/shared/ui/Elapsed";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { Section } from "@/shared/ui/Section";
import { text } from "@/texts";

import type { Call } from "./api/call";
import { useCalls } from "./api/listCalls";
import { CallAnnouncer } from "./CallAnnouncer";
import { CallerLink } from "./CallerLink";
import { LiveTranscript } from "./LiveTranscript";

/** So many transcripts are open by themselves; more would push the rest of the page away. */
const OPEN_TRANSCRIPTS = 2;

/** The calls that run now, with their transcripts growing. */
export function LiveCalls() {
  const calls = useCalls();
  const live = (calls.data ?? []).filter((call) => call.state === "live");
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const isOpen = (call: Call): boolean => chosen.get(call.call_sid) ?? live.indexOf(call) < OPEN_TRANSCRIPTS;
  const toggle = (call: Call): void => setChosen(new Map(chosen).set(call.call_sid, !isOpen(call)));
  const columns: readonly Column<Call>[] = [
    { key: "caller", header: text.calls.caller, width: "28%", cell: (call) => <CallerLink call={call} /> },
    { key: "language", header: text.calls.language, width: "27%", cell: (call) => formatLanguage(call.language) },
    {
      key: "duration",
      header: text.calls.duration,
      width: "15%",
      cell: (call) => <Elapsed from={call.started_at} to={call.ended_at} />,
    },
    { key: "turns", header: text.calls.turns, width: "11%", cell: (call) => formatCount(call.turns) },
    {
      key: "transcript",
      header: text.calls.transcript,
      width: "19%",
      cell: (call) => (
        <Button
          variant="link"
          aria-expanded={isOpen(call)}
          aria-label={`${isOpen(call) ? text.calls.hideTranscript : text.calls.showTranscript}, ${formatCaller(call.caller)}`}
          onClick={() => toggle(call)}
        >
          {isOpen(call) ? text.calls.hide : text.calls.show}
        </Button>
      ),
    },
  ];
  return (
    <Section
      title={text.calls.live}
      mark={
        live.length > 0 ? (
          <Badge as="span" variant="success">
            {formatCount(live.length)}
          </Badge>
        ) : null
      }
    >
      <CallAnnouncer calls={calls.data} />
      <RowsTable
        what={text.calls.live}
        columns={columns}
        query={calls}
        rows={live}
        rowKey={(call) => call.call_sid}
        empty={{ title: text.calls.liveEmpty, detail: text.calls.liveEmptyDetail }}
        skeletonRows={1}
        below={(call) => (isOpen(call) ? <LiveTranscript call={call} /> : null)}
      />
    </Section>
  );
}
