import { Badge, type BadgeProps } from "@twilio-paste/core/badge";
import { Box } from "@twilio-paste/core/box";
import { useSearchParams } from "react-router";

import { formatCount } from "@/shared/format/numbers";
import { CursorPager } from "@/shared/ui/CursorPager";
import { SelectField } from "@/shared/ui/Field";
import { Moment } from "@/shared/ui/Moment";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { useFilters } from "@/shared/url/useFilters";
import { text } from "@/texts";

import type { IntelEvent } from "./api/intelligence";
import { useEvents } from "./api/lists";
import { Subject } from "./Subject";

const words = text.intelligence;
const STATES = [
  { value: "", label: words.anyState },
  ...(["open", "resolved", "dead", "unknown"] as const).map((value) => ({ value, label: words.states[value] })),
];
const VARIANTS: Readonly<Record<string, BadgeProps["variant"]>> = { open: "info", resolved: "success", dead: "error" };

const COLUMNS: readonly Column<IntelEvent>[] = [
  { key: "at", header: words.at, width: "17%", cell: ({ at }) => <Moment at={at} /> },
  { key: "subject", header: words.subject, width: "38%", cell: (event) => <Subject of={event} /> },
  {
    key: "state",
    header: words.state,
    width: "18%",
    cell: ({ state }) => (
      <Badge as="span" variant={VARIANTS[state] ?? "neutral"}>
        {(words.states as Readonly<Record<string, string>>)[state] ?? state}
      </Badge>
    ),
  },
  { key: "tries", header: words.tries, width: "9%", cell: ({ tries }) => formatCount(tries) },
  {
    key: "reason",
    header: words.reason,
    width: "18%",
    cell: ({ reason }) => reason || text.noValueMark,
    wideOnly: true,
  },
];

/** Every accepted webhook, newest first, with what became of it. */
export function Events() {
  const { values, set } = useFilters(["state"]);
  const [params] = useSearchParams();
  const page = useEvents(values.state, params.get("cursor"));
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      <Box width="size20">
        <SelectField label={words.state} value={values.state} choices={STATES} onChange={(state) => set({ state })} />
      </Box>
      <RowsTable
        what={words.events}
        columns={COLUMNS}
        query={page}
        rows={page.data?.items ?? []}
        rowKey={({ id }) => id}
        empty={
          values.state
            ? { title: words.eventsFiltered, detail: words.eventsFilteredDetail }
            : { title: words.eventsEmpty, detail: words.eventsEmptyDetail }
        }
        skeletonRows={6}
      />
      <CursorPager label={words.paging} nextCursor={page.data?.nextCursor ?? null} />
    </Box>
  );
}
