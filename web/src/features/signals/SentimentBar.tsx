import { Box } from "@twilio-paste/core/box";

import { formatPercent } from "@/shared/format/numbers";
import { fill, text } from "@/texts";

import type { Summary } from "./api/getSummary";

const PARTS = [
  { key: "positive_pct", label: text.signals.positive, color: "colorBackgroundSuccess" },
  { key: "neutral_pct", label: text.signals.neutral, color: "colorBackgroundStronger" },
  { key: "mixed_pct", label: text.signals.mixed, color: "colorBackgroundWarning" },
  { key: "negative_pct", label: text.signals.negative, color: "colorBackgroundError" },
] as const;

/** The shares of the moods as one bar. The legend says the same in words, so that colour carries nothing alone. */
export function SentimentBar({ sentiment }: Pick<Summary, "sentiment">) {
  const parts = PARTS.map((part) => ({ ...part, pct: sentiment[part.key] ?? 0 }));
  return (
    <Box marginY="space40">
      <Box
        aria-hidden="true"
        display="flex"
        height="0.75rem"
        borderRadius="borderRadiusPill"
        overflow="hidden"
        columnGap="space10"
      >
        {parts
          .filter(({ pct }) => pct > 0)
          .map(({ key, pct, color }) => (
            <Box key={key} flex={`${String(pct)} 1 0`} minWidth="3px" backgroundColor={color} />
          ))}
      </Box>
      <Box
        as="ul"
        margin="space0"
        marginTop="space40"
        padding="space0"
        listStyleType="none"
        display="flex"
        flexWrap="wrap"
        columnGap="space50"
        rowGap="space10"
      >
        {parts.map(({ key, label, pct, color }) => (
          <Box
            as="li"
            key={key}
            display="flex"
            alignItems="center"
            columnGap="space20"
            color="colorText"
            fontSize="fontSize20"
            lineHeight="lineHeight20"
          >
            <Box aria-hidden="true" size="0.625rem" borderRadius="borderRadius10" backgroundColor={color} />
            {fill(text.signals.share, { label, pct: formatPercent(pct) })}
          </Box>
        ))}
      </Box>
    </Box>
  );
}
