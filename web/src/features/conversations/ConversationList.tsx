import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { type ReactNode, useRef, useState } from "react";
import { useSearchParams } from "react-router";

import { hasStatus } from "@/shared/api/apiError";
import { describeError } from "@/shared/api/describeError";
import { formatCount } from "@/shared/format/numbers";
import { useMay } from "@/shared/operator/OperatorContext";
import { CursorPager, withCursor } from "@/shared/ui/CursorPager";
import { SelectField } from "@/shared/ui/Field";
import { ButtonLink } from "@/shared/ui/links";
import { RowsTable } from "@/shared/ui/RowsTable";
import { useToast } from "@/shared/ui/toasts";
import { type Filters, useFilters } from "@/shared/url/useFilters";
import { fill, plural, text } from "@/texts";

import { useChangeState } from "./api/changeConversation";
import { STATES } from "./api/conversation";
import { CONVERSATION_FILTERS, type Shown, useConversations } from "./api/listConversations";
import { BulkBar } from "./BulkBar";
import { conversationColumns } from "./conversationColumns";
import { ConversationFilters } from "./ConversationFilters";
import { useRowKeys } from "./useRowKeys";

const words = text.conversations;
type Name = (typeof CONVERSATION_FILTERS)[number];
const SORTS = Object.entries(words.sorts).map(([value, label]) => ({ value, label }));
const SIZES = ["20", "50", "100"].map((value) => ({ value, label: value }));

interface ConversationListProps {
  /** Creates a conversation; absent for who may not. */
  readonly create: ReactNode;
  /** Chooses the service. */
  readonly serviceChoice?: ReactNode;
}

/** The account's conversations, a page at a time; filters, order and page live in the address. */
export function ConversationList({ create, serviceChoice = null }: ConversationListProps) {
  const filters = knownStates(useFilters(CONVERSATION_FILTERS));
  const [params] = useSearchParams();
  const shown = shownOf(params);
  const page = useConversations(filters.values, shown);
  const rows = page.data?.items ?? [];
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const selected = rows.filter(({ sid }) => chosen.has(sid)).map(({ sid }) => sid);
  const toggle = (sid: string): void => {
    const after = new Set(chosen);
    if (!after.delete(sid)) after.add(sid);
    setChosen(after);
  };
  const table = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const closing = useClosing(filters.values.serviceSid);
  useRowKeys({ table, search, onSelect: toggle, onClose: closing });
  const mayWrite = useMay("agent");
  const cursorGone = shown.cursor !== null && hasStatus(page.error, 400);
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      <ConversationFilters filters={filters} searchRef={search} serviceChoice={serviceChoice} />
      {mayWrite ? (
        <BulkBar
          page={rows.map(({ sid }) => sid)}
          selected={selected}
          total={page.data?.total ?? null}
          filter={filters.values}
          onSelect={(sids) => setChosen(new Set(sids))}
        />
      ) : null}
      <Box ref={table} aria-busy={page.isPlaceholderData} opacity={page.isPlaceholderData ? 0.5 : 1}>
        <RowsTable
          what={words.what}
          columns={conversationColumns(mayWrite ? { selected: chosen, onToggle: toggle } : null)}
          query={cursorGone ? { ...page, isError: false } : page}
          rows={rows}
          rowKey={({ sid }) => sid}
          empty={emptyFor(filters, shown.cursor, create)}
          skeletonRows={6}
        />
      </Box>
      <ListFoot
        total={page.data?.total ?? null}
        exact={page.data?.totalIsExact ?? true}
        nextCursor={page.isPlaceholderData ? null : (page.data?.nextCursor ?? null)}
      />
    </Box>
  );
}

/** A state that the address makes up is no filter. */
function knownStates(filters: Filters<Name>): Filters<Name> {
  if (STATES.some((state) => state === filters.values.state)) return filters;
  return {
    ...filters,
    values: { ...filters.values, state: "" },
    active: filters.active.filter((name) => name !== "state"),
  };
}

function shownOf(params: URLSearchParams): Shown {
  const limit = params.get("limit");
  return {
    sort: params.get("sort") ?? "",
    limit: limit === "50" || limit === "100" ? Number(limit) : 20,
    cursor: params.get("cursor"),
  };
}

/** Closes a conversation by its row's key; a supervisor's undo is not possible at Twilio, so it is said. */
function useClosing(serviceSid: string): (sid: string) => void {
  const change = useChangeState(serviceSid);
  const mayClose = useMay("agent");
  const toast = useToast();
  return (sid) => {
    if (!mayClose) return;
    change.mutate(
      { sid, state: "closed" },
      { onSuccess: () => toast(words.closedOne), onError: (error) => toast(describeError(error), "error") },
    );
  };
}

interface ListFootProps {
  readonly total: number | null;
  /** False when there are more than were counted. */
  readonly exact: boolean;
  readonly nextCursor: string | null;
}

function ListFoot({ total, exact, nextCursor }: ListFootProps) {
  const shown = useFilters(["sort", "limit"]);
  return (
    <CursorPager label={words.paging} nextCursor={nextCursor}>
      <Box display="flex" flexWrap="wrap" alignItems="flex-end" columnGap="space50" rowGap="space30">
        <Box width="size20">
          <SelectField
            label={words.sort}
            value={shown.values.sort}
            choices={SORTS}
            onChange={(sort) => shown.set({ sort })}
          />
        </Box>
        <Box width="5.5rem">
          <SelectField
            label={words.pageSize}
            value={shown.values.limit || "20"}
            choices={SIZES}
            onChange={(limit) => shown.set({ limit: limit === "20" ? "" : limit })}
          />
        </Box>
        <Box role="status" paddingBottom="space30">
          {total === null ? "" : exact ? plural(words.total, total) : fill(words.moreThan, { n: formatCount(total) })}
        </Box>
      </Box>
    </CursorPager>
  );
}

function emptyFor({ active, clear }: Filters<Name>, cursor: string | null, create: ReactNode) {
  if (cursor !== null) {
    return {
      title: words.emptyPage,
      detail: words.emptyPageDetail,
      action: <FirstPage />,
    };
  }
  if (active.some((name) => name !== "serviceSid")) {
    return {
      title: words.emptyFiltered,
      detail: words.emptyFilteredDetail,
      action: (
        <Button variant="secondary" size="small" onClick={clear}>
          {words.showAll}
        </Button>
      ),
    };
  }
  return { title: words.empty, detail: create ? words.emptyDetail : words.emptyDetailViewer, action: create };
}

function FirstPage() {
  const [params] = useSearchParams();
  return <ButtonLink to={`/conversations${withCursor(params.toString(), null)}`}>{text.paging.first}</ButtonLink>;
}
