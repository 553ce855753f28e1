import { Box } from "@twilio-paste/core/box";
import type { ReactNode } from "react";

import { Moment } from "@/shared/ui/Moment";
import { plural, text } from "@/texts";

import type { Message } from "./api/conversation";
import { MediaPreview } from "./MediaPreview";
import { MessageActions } from "./MessageActions";

interface MessageItemProps {
  readonly sid: string;
  readonly message: Message;
  readonly own: boolean;
  readonly readOnly: boolean;
}

/** One message; this operator's own stand at the right. */
export function MessageItem({ sid, message, own, readOnly }: MessageItemProps) {
  const { author, body, dateCreated, media, delivery } = message;
  const marks = [deliveryText(delivery), media.length > 0 ? plural(text.conversations.media, media.length) : null];
  return (
    <Bubble
      actions={<MessageActions sid={sid} message={message} readOnly={readOnly} />}
      own={own}
      author={author}
      note={[<Moment key="at" at={dateCreated} />, ...marks.filter((mark) => mark !== null)]}
    >
      {body || null}
      {media.map((file) => (
        <Box key={file.sid}>
          <MediaPreview sid={sid} media={file} />
        </Box>
      ))}
    </Bubble>
  );
}

/** A message on its way to Twilio. */
export function SendingItem({ body, author }: Pick<Message, "body" | "author">) {
  return (
    <Bubble own faded author={author} note={[text.conversations.sending]}>
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
          {author || text.conversations.system}
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
