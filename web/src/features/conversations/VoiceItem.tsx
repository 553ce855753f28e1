import { Box } from "@twilio-paste/core/box";

import type { ReactNode } from "react";

import { formatLanguage } from "@/shared/format/languages";
import { formatDuration } from "@/shared/format/times";
import { TextLink } from "@/shared/ui/links";
import { Moment } from "@/shared/ui/Moment";
import { text } from "@/texts";

import type { VoiceItem as Item } from "./api/getTimeline";
import { ChannelMark } from "./ChannelMark";

const words = text.conversations.voice;

/** A call of the conversation's customer, or what was said in it. */
export function VoiceItem({ item }: { readonly item: Item }) {
  const link = `/calls/${encodeURIComponent(item.callSid)}`;
  if (item.kind === "call") {
    return (
      <Box
        as="li"
        display="flex"
        justifyContent="center"
        alignItems="center"
        columnGap="space30"
        color="colorTextWeak"
        fontSize="fontSize20"
        lineHeight="lineHeight20"
      >
        <ChannelMark channel="voice" />
        <TextLink to={link}>{words.call}</TextLink>
        <span>
          <Moment at={item.at} />
          {item.language ? `, ${formatLanguage(item.language)}` : ""}
          {item.durationS === null ? "" : `, ${formatDuration(item.durationS)}`}
        </span>
      </Box>
    );
  }
  const heard = item.interrupted ? item.heardText : item.replyText;
  const unheard =
    item.interrupted && item.replyText.startsWith(item.heardText) ? item.replyText.slice(item.heardText.length) : "";
  return (
    <Box
      as="li"
      display="flex"
      flexDirection="column"
      rowGap="space20"
      paddingX="space50"
      color="colorText"
      fontSize="fontSize30"
      lineHeight="lineHeight30"
    >
      {item.callerText ? (
        <Spoken who={text.calls.speakerCaller} at={item.at}>
          {item.callerText}
        </Spoken>
      ) : null}
      {item.replyText ? (
        <Spoken who={text.calls.speakerAgent} at={null}>
          {heard}
          {unheard ? (
            <Box as="span" color="colorTextWeak" fontStyle="italic" title={text.calls.unheardTitle}>
              {unheard}
            </Box>
          ) : null}
        </Spoken>
      ) : null}
    </Box>
  );
}

interface SpokenProps {
  readonly who: string;
  readonly at: string | null;
  readonly children: ReactNode;
}

function Spoken({ who, at, children }: SpokenProps) {
  return (
    <Box display="flex" columnGap="space30" overflowWrap="anywhere">
      <ChannelMark channel="voice" />
      <Box minWidth="0">
        <Box as="span" color="colorTextWeak" fontSize="fontSize20">
          {who} {at === null ? null : <Moment at={at} />}
        </Box>
        <div>{children}</div>
      </Box>
    </Box>
  );
}
