import { Box } from "@twilio-paste/core/box";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import type { ReactNode } from "react";

import { TextLink } from "@/shared/ui/links";
import { plural, text } from "@/texts";

interface TileProps {
  readonly title: string;
  /** Where the rows behind the number are. */
  readonly to?: string;
  readonly value?: string;
  readonly unit?: string;
  /** How many calls stand behind the number; left out for plain counts. */
  readonly n?: number;
  readonly lines?: readonly string[];
  readonly children?: ReactNode;
}

const NONE: readonly string[] = [];

/** One measure: its value, what it means, and how many calls it rests on. */
export function Tile({ title, to, value, unit, n, lines = NONE, children }: TileProps) {
  const known = n === undefined || n > 0;
  return (
    <TileFrame>
      <Box
        as="h3"
        margin="space0"
        color="colorTextWeak"
        fontSize="fontSize30"
        lineHeight="lineHeight20"
        fontWeight="fontWeightMedium"
      >
        {to ? <TextLink to={to}>{title}</TextLink> : title}
      </Box>
      {known ? (
        <>
          {value === undefined ? null : <Value value={value} unit={unit} />}
          {children}
          <Lines lines={n === undefined ? lines : [...lines, plural(text.signals.n, n)]} />
        </>
      ) : (
        <>
          <Value value={text.noValueMark} unit={undefined} />
          <Lines lines={[text.signals.none]} />
        </>
      )}
    </TileFrame>
  );
}

function Value({ value, unit }: { readonly value: string; readonly unit: string | undefined }) {
  return (
    <Box display="flex" alignItems="baseline" columnGap="space20" color="colorText" marginY="space20">
      <Box as="span" fontSize="fontSize80" lineHeight="lineHeight80" fontWeight="fontWeightBold">
        {value}
      </Box>
      {unit ? (
        <Box as="span" color="colorTextWeak" fontSize="fontSize30">
          {unit}
        </Box>
      ) : null}
    </Box>
  );
}

function Lines({ lines }: { readonly lines: readonly string[] }) {
  return (
    <>
      {lines.map((line) => (
        <Box key={line} color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20">
          {line}
        </Box>
      ))}
    </>
  );
}

/** As high as a filled tile, so that nothing moves when the numbers arrive. */
export function TileSkeleton() {
  return (
    <TileFrame>
      <SkeletonLoader height="sizeIcon20" width="60%" />
      <Box marginY="space40">
        <SkeletonLoader height="sizeIcon60" width="40%" />
      </Box>
      <SkeletonLoader height="sizeIcon10" width="80%" />
    </TileFrame>
  );
}

function TileFrame({ children }: { readonly children: ReactNode }) {
  return (
    <Box
      minHeight={["11.25rem", "9.75rem"]}
      padding={["space40", "space50"]}
      borderRadius="borderRadius30"
      borderStyle="solid"
      borderWidth="borderWidth10"
      borderColor="colorBorderWeaker"
      backgroundColor="colorBackgroundBody"
    >
      {children}
    </Box>
  );
}
