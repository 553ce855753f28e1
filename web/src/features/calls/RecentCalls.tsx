import { formatLanguage } from "@/shared/format/languages";
import { Elapsed } from "@/shared/ui/Elapsed";
import { Moment } from "@/shared/ui/Moment";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { Section } from "@/shared/ui/Section";
import { text } from "@/texts";

import type { Call } from "./api/call";
import { useCalls } from "./api/listCalls";
import { CallerLink } from "./CallerLink";
import { reasonText } from "./reasons";

const SHOWN = 8;

const COLUMNS: readonly Column<Call>[] = [
  { key: "caller", header: text.calls.caller, width: "24%", cell: (call) => <CallerLink call={call} /> },
  {
    key: "language",
    header: text.calls.language,
    width: "22%",
    cell: (call) => formatLanguage(call.language),
    wideOnly: true,
  },
  { key: "ended", header: text.calls.ended, width: "17%", cell: (call) => <Moment at={call.ended_at} /> },
  {
    key: "duration",
    header: text.calls.duration,
    width: "16%",
    cell: (call) => <Elapsed from={call.started_at} to={call.ended_at} />,
  },
  { key: "reason", header: text.calls.reason, width: "21%", cell: (call) => reasonText(call.reason) },
];

/** The calls that ended last. */
export function RecentCalls() {
  const calls = useCalls();
  const ended = (calls.data ?? []).filter((call) => call.state === "ended").slice(0, SHOWN);
  return (
    <Section title={text.calls.recent}>
      <RowsTable
        what={text.calls.recent}
        columns={COLUMNS}
        query={calls}
        rows={ended}
        rowKey={(call) => call.call_sid}
        empty={{ title: text.calls.recentEmpty, detail: text.calls.recentEmptyDetail }}
      />
    </Section>
  );
}
