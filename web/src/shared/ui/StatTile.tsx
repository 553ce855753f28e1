import { Box } from "@twilio-paste/core/box";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import type { ReactNode } from "react";

interface StatTileProps {
  readonly label: string;
  /** Null while it loads. */
  readonly value: ReactNode;
  readonly detail?: ReactNode;
  readonly tone?: "plain" | "warning" | "error";
}

const TONES = { plain: "colorText", warning: "colorTextWarning", error: "colorTextError" } as const;

/** A small number with its name. */
export function StatTile({ label, value, detail, tone = "plain" }: StatTileProps) {
  return (
    <Box
      padding="space50"
      borderRadius="borderRadius30"
      borderStyle="solid"
      borderWidth="borderWidth10"
      borderColor="colorBorderWeaker"
      minWidth="0"
    >
      <Box as="dt" color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20">
        {label}
      </Box>
      <Box
        as="dd"
        margin="space0"
        color={TONES[tone]}
        fontSize="fontSize60"
        lineHeight="lineHeight60"
        fontWeight="fontWeightBold"
        minHeight="sizeSquare70"
      >
        {value === null ? <SkeletonLoader height="sizeIcon40" width="60%" /> : value}
        {detail ? (
          <Box
            as="span"
            display="block"
            color="colorTextWeak"
            fontSize="fontSize20"
            lineHeight="lineHeight20"
            fontWeight="fontWeightNormal"
          >
            {detail}
          </Box>
        ) : null}
      </Box>
    </Box>
  );
}

/** Tiles side by side, as many as there is room for. */
export function StatTiles({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <Box
      as="dl"
      aria-label={label}
      margin="space0"
      display="grid"
      gridTemplateColumns="repeat(auto-fill, minmax(min(9rem, 46%), 1fr))"
      columnGap="space40"
      rowGap="space40"
    >
      {children}
    </Box>
  );
}
