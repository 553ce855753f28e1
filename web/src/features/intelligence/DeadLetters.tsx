import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { useState } from "react";
import { useSearchParams } from "react-router";

import { describeError } from "@/shared/api/describeError";
import { CursorPager } from "@/shared/ui/CursorPager";
import { Moment } from "@/shared/ui/Moment";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { useToast } from "@/shared/ui/toasts";
import { fill, plural, text } from "@/texts";

import { useReplay, useReplayAll } from "./api/actions";
import type { DeadLetter } from "./api/intelligence";
import { useDeadLetters } from "./api/lists";

const words = text.intelligence;

/** What could not be accepted or resolved, with the way to try again. */
export function DeadLetters() {
  const [params] = useSearchParams();
  const page = useDeadLetters(params.get("cursor"));
  const toast = useToast();
  const replay = useReplay();
  const all = useReplayAll();
  const [open, setOpen] = useState<string | null>(null);
  const rows = page.data?.items ?? [];
  const replayOne = ({ id }: DeadLetter): void =>
    replay.mutate(id, {
      onSuccess: () => toast(words.replayed),
      onError: (error) => toast(fill(words.replayFailed, { why: describeError(error) }), "error"),
    });
  const replayAll = (): void =>
    all.mutate(
      rows.map(({ id }) => id),
      {
        onSuccess: ({ replayed, failed }) => {
          toast(plural(words.replayedMany, replayed.length));
          const first = failed[0];
          if (first) toast(fill(words.replayFailed, { why: first.why || first.id }), "error");
        },
        onError: (error) => toast(fill(words.replayFailed, { why: describeError(error) }), "error"),
      },
    );
  const columns: readonly Column<DeadLetter>[] = [
    { key: "at", header: words.at, width: "17%", cell: ({ at }) => <Moment at={at} /> },
    {
      key: "reason",
      header: words.reason,
      width: "50%",
      cell: ({ reason, detail }) => [reason, detail].filter(Boolean).join(": "),
    },
    {
      key: "body",
      header: words.body,
      width: "18%",
      cell: ({ id }) => (
        <Button variant="link" aria-expanded={open === id} onClick={() => setOpen(open === id ? null : id)}>
          {open === id ? words.hide : words.show}
        </Button>
      ),
    },
    {
      key: "replay",
      header: words.replay,
      width: "15%",
      cell: (letter) => (
        <Button
          variant="secondary"
          size="small"
          loading={replay.isPending && replay.variables === letter.id}
          onClick={() => replayOne(letter)}
        >
          {words.replay}
        </Button>
      ),
    },
  ];
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      {rows.length > 1 ? (
        <Box>
          <Button variant="secondary" size="small" loading={all.isPending} onClick={replayAll}>
            {words.replayAll}
          </Button>
        </Box>
      ) : null}
      <RowsTable
        what={words.deadLetters}
        columns={columns}
        query={page}
        rows={rows}
        rowKey={({ id }) => id}
        empty={{ title: words.deadEmpty, detail: words.deadEmptyDetail }}
        below={(letter) => (open === letter.id ? <Body letter={letter} /> : null)}
      />
      <CursorPager label={words.paging} nextCursor={page.data?.nextCursor ?? null} />
    </Box>
  );
}

function Body({ letter }: { readonly letter: DeadLetter }) {
  return (
    <Box
      as="pre"
      margin="space0"
      tabIndex={0}
      maxHeight="size30"
      overflow="auto"
      whiteSpace="pre-wrap"
      overflowWrap="anywhere"
      fontFamily="fontFamilyCode"
      fontSize="fontSize20"
      lineHeight="lineHeight20"
      color="colorText"
    >
      {letter.body}
    </Box>
  );
}
