import { Box } from "@twilio-paste/core/box";
import { NeutralIcon } from "@twilio-paste/icons/esm/NeutralIcon";
import { SentimentNegativeIcon } from "@twilio-paste/icons/esm/SentimentNegativeIcon";
import { SentimentNeutralIcon } from "@twilio-paste/icons/esm/SentimentNeutralIcon";
import { SentimentPositiveIcon } from "@twilio-paste/icons/esm/SentimentPositiveIcon";

import { text } from "@/texts";

const MARKS = {
  positive: { Icon: SentimentPositiveIcon, color: "colorTextIconSuccess", label: text.signals.positive },
  neutral: { Icon: SentimentNeutralIcon, color: "colorTextIcon", label: text.signals.neutral },
  mixed: { Icon: NeutralIcon, color: "colorTextIconWarning", label: text.signals.mixed },
  negative: { Icon: SentimentNegativeIcon, color: "colorTextIconError", label: text.signals.negative },
} as const;

/** A mood as face and word. */
export function SentimentMark({ sentiment }: { readonly sentiment: string | null }) {
  if (!sentiment) return <>{text.noValueMark}</>;
  const mark = MARKS[sentiment as keyof typeof MARKS];
  if (!mark) return <>{sentiment}</>;
  return (
    <Box as="span" display="inline-flex" alignItems="center" columnGap="space20">
      <Box as="span" color={mark.color} display="inline-flex">
        <mark.Icon decorative size="sizeIcon20" />
      </Box>
      {mark.label}
    </Box>
  );
}
