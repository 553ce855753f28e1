import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import type { ReactNode } from "react";

import { describeError } from "@/shared/api/describeError";
import { formatName } from "@/shared/format/phones";
import { Moment } from "@/shared/ui/Moment";
import { fill, plural, text } from "@/texts";

import type { Message } from "./api/conversation";
import type { NewMessage } from "./api/createMessage";
import { MediaPreview } from "./MediaPreview";
import { MessageActions } from "./MessageActions";
import type { Outbox, Outgoing } from "./useOutbox";

const words = text.conversations.outgoing;

interface OutgoingItemProps {
  readonly of: Outgoing;
  readonly outbox: Outbox;
  /** Takes the message back into the composer. */
  readonly onEdit: (message: NewMessage) => void;
}

interface MessageItemProps {
  readonly sid: string;
  readonly message: Message;
  readonly own: boolean;
  readonly readOnly: boolean;
}

/** One message; ours stand at the right, a customer's at the left. */
export function MessageItem({ sid, message, own, readOnly }: MessageItemProps) {
  const { author, body, contentSid, dateCreated, media, delivery } = message;
  const marks = [deliveryText(delivery), media.length > 0 ? plural(text.conversations.media, media.length) : null];
  return (
    <Bubble
      actions={<MessageActions sid={sid} message={message} readOnly={readOnly} />}
      own={own}
      author={author}
      note={[<Moment key="at" at={dateCreated} />, ...marks.filter((mark) => mark !== null)]}
    >
      {body || (contentSid === null ? null : fill(text.conversations.templates.sent, { sid: contentSid }))}
      {media.map((file) => (
        <Box key={file.sid}>
          <MediaPreview sid={sid} media={file} />
        </Box>
      ))}
    </Bubble>
  );
}

/** A message that is not at Twilio yet; one that was refused says why, and can be sent again. */
export function OutgoingItem({ of, outbox, onEdit }: OutgoingItemProps) {
  const { message, error } = of;
  const body = message.body || (message.file?.name ?? message.template?.contentSid);
  if (!error) {
    return (
      <Bubble own faded author={message.author} note={[text.conversations.sending]}>
        {body}
      </Bubble>
    );
  }
  const edit = (): void => {
    outbox.discard(of.id);
    onEdit(message);
  };
  return (
    <Bubble
      own
      author={message.author}
      note={[words.failed]}
      actions={
        <Box display="flex" flexDirection="column" alignItems="flex-end" rowGap="space20" marginTop="space20">
          <Box role="alert" color="colorTextError" fontSize="fontSize20" lineHeight="lineHeight20">
            {describeError(error)}
          </Box>
          <Box display="flex" columnGap="space40">
            <Button variant="link" onClick={() => outbox.retry(of)}>
              {words.retry}
            </Button>
            <Button variant="link" onClick={edit}>
              {words.edit}
            </Button>
            <Button variant="destructive_link" onClick={() => outbox.discard(of.id)}>
              {words.discard}
            </Button>
          </Box>
        </Box>
      }
    >
      {body}
    </Bubble>
  );
}

/** How far the message got, worst news first; nothing while Twilio does not say. */
function deliveryText(delivery: Message["delivery"]): string | null {
  if (!delivery) return null;
  const states = ["failed", "undelivered", "read", "delivered", "sent"] as const;
  const reached = states.find((state) => delivery[state] !== "none");
  return reached ? text.conversations.delivery[reached] : null;
}

interface BubbleProps {
  readonly own: boolean;
  readonly faded?: boolean;
  readonly author: string;
  readonly note: readonly ReactNode[];
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

function Bubble({ own, faded = false, author, note, actions, children }: BubbleProps) {
  return (
    <Box
      as="li"
      display="flex"
      flexDirection="column"
      alignItems={own ? "flex-end" : "flex-start"}
      opacity={faded ? 0.65 : 1}
    >
      <Box
        color="colorTextWeak"
        fontSize="fontSize20"
        lineHeight="lineHeight20"
        marginBottom="space10"
        overflowWrap="anywhere"
      >
        <Box as="span" color="colorText" fontWeight="fontWeightSemibold">
          {formatName(author) || text.conversations.system}
        </Box>
        {note.map((part, position) => (
          // oxlint-disable-next-line react/no-array-index-key -- parts have no identity and keep their places
          <span key={position}> · {part}</span>
        ))}
      </Box>
      {isEmpty(children) ? null : (
        <Box
          maxWidth="min(38rem, 92%)"
          paddingX="space50"
          paddingY="space30"
          borderRadius="borderRadius40"
          backgroundColor={own ? "colorBackgroundPrimaryWeakest" : "colorBackground"}
          borderStyle="solid"
          borderWidth="borderWidth10"
          borderColor={own ? "colorBorderPrimaryWeaker" : "colorBorderWeaker"}
          color="colorText"
          fontSize="fontSize30"
          lineHeight="lineHeight30"
          whiteSpace="pre-wrap"
          overflowWrap="anywhere"
        >
          {children}
        </Box>
      )}
      {actions}
    </Box>
  );
}

const isEmpty = (children: ReactNode): boolean =>
  Array.isArray(children) ? children.every(isEmpty) : children === null || children === "";
