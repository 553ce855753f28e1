import { Box } from "@twilio-paste/core/box";
import { useSearchParams } from "react-router";

import { formatCount, formatScore } from "@/shared/format/numbers";
import { CursorPager } from "@/shared/ui/CursorPager";
import { Moment } from "@/shared/ui/Moment";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { text } from "@/texts";

import type { ResultRow } from "./api/intelligence";
import { useResults } from "./api/lists";
import { Subject } from "./Subject";

const words = text.intelligence;
const COLUMNS: readonly Column<ResultRow>[] = [
  { key: "at", header: words.at, width: "18%", cell: ({ at }) => <Moment at={at} /> },
  { key: "subject", header: words.subject, width: "40%", cell: (result) => <Subject of={result} /> },
  { key: "csat", header: text.calls.csat, width: "10%", cell: ({ csat }) => formatScore(csat) },
  { key: "ces", header: text.signals.ces, width: "10%", cell: ({ ces }) => formatScore(ces) },
  {
    key: "sentiment",
    header: text.signals.sentiment,
    width: "12%",
    cell: ({ sentiment }) =>
      sentiment
        ? (((text.signals as Readonly<Record<string, unknown>>)[sentiment] as string | undefined) ?? sentiment)
        : text.noValueMark,
  },
  {
    key: "risk",
    header: text.calls.risk,
    width: "10%",
    cell: ({ legal_risk }) => (legal_risk ? formatCount(legal_risk.score) : text.noValueMark),
  },
];

/** The current result of each transcript. */
export function Results() {
  const [params] = useSearchParams();
  const page = useResults(params.get("cursor"));
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      <RowsTable
        what={words.results}
        columns={COLUMNS}
        query={page}
        rows={page.data?.items ?? []}
        rowKey={({ id }) => id}
        empty={{ title: words.resultsEmpty, detail: words.eventsEmptyDetail }}
        skeletonRows={6}
      />
      <CursorPager label={words.paging} nextCursor={page.data?.nextCursor ?? null} />
    </Box>
  );
}
