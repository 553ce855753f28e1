import { Box } from "@twilio-paste/core/box";
import { useSearchParams } from "react-router";

import { formatLanguage } from "@/shared/format/languages";
import { formatScore } from "@/shared/format/numbers";
import { formatCaller } from "@/shared/format/phones";
import { formatDuration } from "@/shared/format/times";
import { CursorPager } from "@/shared/ui/CursorPager";
import { TextLink } from "@/shared/ui/links";
import { Moment } from "@/shared/ui/Moment";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { Section } from "@/shared/ui/Section";
import { useFilters } from "@/shared/url/useFilters";
import { text } from "@/texts";

import { PAST_FILTERS, usePastCalls } from "./api/listPastCalls";
import type { PastCall } from "./api/pastCall";
import { CallFilters } from "./CallFilters";
import { reasonText } from "./reasons";
import { Band } from "./Scores";
import { SentimentMark } from "./SentimentMark";

const words = text.calls;

const COLUMNS: readonly Column<PastCall>[] = [
  { key: "started", header: words.started, width: "18%", cell: (call) => <StartLink call={call} /> },
  {
    key: "caller",
    header: words.caller,
    width: "15%",
    cell: ({ caller }) => (caller ? formatCaller(caller) : text.noValueMark),
  },
  {
    key: "language",
    header: words.language,
    width: "15%",
    cell: ({ language }) => (language ? formatLanguage(language) : text.noValueMark),
    wideOnly: true,
  },
  {
    key: "duration",
    header: words.duration,
    width: "10%",
    cell: ({ duration_s }) => (duration_s === null ? text.noValueMark : formatDuration(duration_s)),
  },
  { key: "reason", header: words.reason, width: "14%", cell: ({ reason }) => reasonText(reason), wideOnly: true },
  { key: "csat", header: words.csat, width: "8%", cell: ({ csat }) => formatScore(csat) },
  {
    key: "sentiment",
    header: text.signals.sentiment,
    width: "11%",
    cell: ({ sentiment }) => <SentimentMark sentiment={sentiment} />,
  },
  {
    key: "risk",
    header: words.risk,
    width: "9%",
    cell: ({ legal_risk_band }) => (legal_risk_band ? <Band band={legal_risk_band} /> : text.noValueMark),
  },
];

/** The calls that ended, with their scores; the filters are signal_analytics' own, so any number leads here. */
export function PastCalls() {
  const filters = useFilters(PAST_FILTERS);
  const [params] = useSearchParams();
  const page = usePastCalls(filters.values, params.get("cursor"));
  const filtered = filters.active.length > 0;
  return (
    <Section title={words.past}>
      <CallFilters filters={filters} />
      <Box aria-busy={page.isPlaceholderData} opacity={page.isPlaceholderData ? 0.5 : 1} marginBottom="space50">
        <RowsTable
          what={words.past}
          columns={COLUMNS}
          query={page}
          rows={page.data?.items ?? []}
          rowKey={({ key }) => key}
          empty={
            filtered
              ? { title: words.pastFiltered, detail: words.pastFilteredDetail }
              : { title: words.recentEmpty, detail: words.liveEmptyDetail }
          }
          skeletonRows={8}
        />
      </Box>
      <CursorPager label={words.paging} nextCursor={page.isPlaceholderData ? null : (page.data?.nextCursor ?? null)} />
    </Section>
  );
}

function StartLink({ call }: { readonly call: PastCall }) {
  const when = <Moment at={call.started_at} />;
  if (call.call_sid) return <TextLink to={`/calls/${encodeURIComponent(call.call_sid)}`}>{when}</TextLink>;
  if (call.conversation_sid?.startsWith("CH")) {
    return <TextLink to={`/conversations/${encodeURIComponent(call.conversation_sid)}`}>{when}</TextLink>;
  }
  return when;
}
