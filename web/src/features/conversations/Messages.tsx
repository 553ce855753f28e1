import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import { useState } from "react";

import { formatDay } from "@/shared/format/times";
import { isAddress } from "@/shared/format/phones";
import { EmptyNotice, ErrorNotice } from "@/shared/ui/notices";
import { useStickToEnd } from "@/shared/ui/useStickToEnd";
import { text } from "@/texts";

import { useVoice } from "./api/getTimeline";
import { useMessages } from "./api/listMessages";
import { Composer, type Draft, EMPTY_DRAFT } from "./Composer";
import { MessageItem, OutgoingItem } from "./MessageItem";
import { messagesInOrder } from "./messagePages";
import { type TimelineItem, timelineOf } from "./timeline";
import { type Outbox, useOutbox } from "./useOutbox";
import { VoiceItem } from "./VoiceItem";

interface MessagesProps {
  readonly sid: string;
  readonly author: string | null;
  /** Why nothing can be written; null when it can. */
  readonly readOnly: string | null;
}

/** Messages and voice turns, newest at the end, and the composer under them. */
export function Messages({ sid, author, readOnly }: MessagesProps) {
  const outbox = useOutbox(sid);
  const [draft, setDraft] = useState(EMPTY_DRAFT);
  // What is being written stays, below what comes back.
  const takeBack = ({ body, file }: Partial<Draft>): void =>
    setDraft((since) => ({
      body: [body, since.body].filter(Boolean).join("\n"),
      file: since.file ?? file ?? null,
    }));
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      <MessageLog sid={sid} readOnly={readOnly} outbox={outbox} onEdit={takeBack} />
      <Composer
        readOnly={readOnly}
        pending={outbox.pending}
        draft={draft}
        onDraft={setDraft}
        onSend={(message) => outbox.send({ author: author ?? "", ...message })}
      />
    </Box>
  );
}

interface MessageLogProps extends Omit<MessagesProps, "author"> {
  readonly outbox: Outbox;
  readonly onEdit: (message: Partial<Draft>) => void;
}

function MessageLog({ sid, readOnly, outbox, onEdit }: MessageLogProps) {
  const messages = useMessages(sid);
  const voice = useVoice(sid);
  const all = messagesInOrder(messages.data?.pages ?? []);
  const timeline = timelineOf(all, voice.data ?? [], messages.data !== undefined && !messages.hasNextPage);
  const end = useStickToEnd(timeline[0]?.key);
  if (messages.isError && !messages.data) {
    return (
      <ErrorNotice
        what={text.conversations.messagesWhat}
        error={messages.error}
        onRetry={() => void messages.refetch()}
        retrying={messages.isFetching}
      />
    );
  }
  const empty = messages.data !== undefined && timeline.length === 0 && outbox.outgoing.length === 0;
  return (
    <Box
      {...end}
      role="log"
      aria-label={text.conversations.messages}
      aria-busy={messages.isPending}
      tabIndex={0}
      height="min(34rem, 60vh)"
      minHeight="14rem"
      overflowY="auto"
      display="flex"
      flexDirection="column"
      padding="space50"
      borderRadius="borderRadius30"
      borderStyle="solid"
      borderWidth="borderWidth10"
      borderColor="colorBorderWeaker"
      outline="none"
      _focusVisible={{ boxShadow: "shadowFocus" }}
    >
      {messages.hasNextPage ? (
        <Box textAlign="center" marginBottom="space50">
          <Button
            variant="secondary"
            size="small"
            loading={messages.isFetchingNextPage}
            onClick={() => void messages.fetchNextPage()}
          >
            {text.conversations.earlier}
          </Button>
        </Box>
      ) : null}
      {messages.isPending ? <LogSkeleton /> : null}
      {empty ? (
        <EmptyNotice
          title={text.conversations.messagesEmpty}
          detail={readOnly ? text.conversations.messagesEmptyReadOnly : text.conversations.messagesEmptyDetail}
          framed={false}
        />
      ) : (
        <Box
          as="ol"
          margin="space0"
          marginTop="auto"
          padding="space0"
          listStyleType="none"
          display="flex"
          flexDirection="column"
          rowGap="space50"
        >
          {timeline.map((item) => (
            <Item key={item.key} item={item} sid={sid} readOnly={readOnly !== null} />
          ))}
          {outbox.outgoing.map((it) => (
            <OutgoingItem key={it.id} of={it} outbox={outbox} onEdit={onEdit} />
          ))}
        </Box>
      )}
    </Box>
  );
}

interface ItemProps {
  readonly item: TimelineItem;
  readonly sid: string;
  readonly readOnly: boolean;
}

function Item({ item, sid, readOnly }: ItemProps) {
  switch (item.kind) {
    case "day":
      return (
        <Box
          as="li"
          textAlign="center"
          color="colorTextWeak"
          fontSize="fontSize20"
          lineHeight="lineHeight20"
          fontWeight="fontWeightSemibold"
        >
          {formatDay(item.day.toISOString())}
        </Box>
      );
    case "voice":
      return <VoiceItem item={item.item} />;
    case "message":
      return <MessageItem sid={sid} message={item.message} own={!isAddress(item.message.author)} readOnly={readOnly} />;
  }
}

function LogSkeleton() {
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      <SkeletonLoader height="sizeSquare110" width="55%" />
      <Box alignSelf="flex-end" width="45%">
        <SkeletonLoader height="sizeSquare110" />
      </Box>
      <SkeletonLoader height="sizeSquare110" width="35%" />
    </Box>
  );
}
