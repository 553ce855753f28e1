import { Box } from "@twilio-paste/core/box";
import type { ReactNode } from "react";

export interface Fact {
  readonly label: string;
  readonly value: ReactNode;
  /** Takes two columns where there are two. */
  readonly wide?: boolean;
}

/** Labels and values side by side, as many columns as there is room for. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <Box
      as="dl"
      margin="space0"
      display="grid"
      gridTemplateColumns="repeat(auto-fill, minmax(min(9.5rem, 100%), 1fr))"
      columnGap="space60"
      rowGap="space50"
      fontSize="fontSize30"
      lineHeight="lineHeight30"
    >
      {facts.map(({ label, value, wide = false }) => (
        <Box key={label} minWidth="0" gridColumn={wide ? ["auto", "span 2"] : "auto"}>
          <Box as="dt" color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20">
            {label}
          </Box>
          <Box as="dd" margin="space0" color="colorText" overflowWrap="anywhere">
            {value}
          </Box>
        </Box>
      ))}
    </Box>
  );
}
