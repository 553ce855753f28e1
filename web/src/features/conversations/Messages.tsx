import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";

import { EmptyNotice, ErrorNotice } from "@/shared/ui/notices";
import { useStickToEnd } from "@/shared/ui/useStickToEnd";
import { text } from "@/texts";

import { useCreateMessage } from "./api/createMessage";
import { useMessages } from "./api/listMessages";
import { Composer } from "./Composer";
import { MessageItem, SendingItem } from "./MessageItem";
import { messagesInOrder } from "./messagePages";

interface MessagesProps {
  readonly sid: string;
  readonly author: string | null;
  /** Why nothing can be written; null when it can. */
  readonly readOnly: string | null;
}

/** The messages, newest at the end, and the composer under them. */
export function Messages({ sid, author, readOnly }: MessagesProps) {
  const send = useCreateMessage(sid);
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      <MessageLog sid={sid} author={author} readOnly={readOnly} sending={send.isPending ? send.variables.body : null} />
      <Composer
        readOnly={readOnly}
        error={send.error}
        pending={send.isPending}
        onSend={(body) => send.mutateAsync({ author: author ?? "", body })}
      />
    </Box>
  );
}

function MessageLog({ sid, author, readOnly, sending }: MessagesProps & { readonly sending: string | null }) {
  const messages = useMessages(sid);
  const all = messagesInOrder(messages.data?.pages ?? []);
  const end = useStickToEnd(all[0]?.sid);
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
  const empty = messages.data !== undefined && all.length === 0 && sending === null;
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
          {all.map((message) => (
            <MessageItem key={message.sid} message={message} own={message.author === author} />
          ))}
          {sending === null || author === null ? null : <SendingItem body={sending} author={author} />}
        </Box>
      )}
    </Box>
  );
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
