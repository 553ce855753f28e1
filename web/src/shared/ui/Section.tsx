import { Box } from "@twilio-paste/core/box";
import { useUID } from "@twilio-paste/core/uid-library";
import type { ReactNode } from "react";

interface SectionProps {
  readonly title: string;
  readonly mark?: ReactNode;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A part of a page under its own h2. */
export function Section({ title, mark, aside, children }: SectionProps) {
  const id = useUID();
  return (
    <Box as="section" aria-labelledby={id} minWidth="0">
      <Box
        display="flex"
        flexWrap="wrap"
        alignItems="center"
        columnGap="space40"
        rowGap="space20"
        marginBottom="space50"
        minHeight="sizeSquare70"
      >
        <Box
          as="h2"
          id={id}
          margin="space0"
          color="colorText"
          fontSize="fontSize50"
          lineHeight="lineHeight40"
          fontWeight="fontWeightBold"
        >
          {title}
        </Box>
        {mark}
        {aside ? (
          <Box
            flex={["1 0 100%", "1 1 0"]}
            textAlign={["left", "right"]}
            color="colorTextWeak"
            fontSize="fontSize30"
            lineHeight="lineHeight30"
          >
            {aside}
          </Box>
        ) : null}
      </Box>
      {children}
    </Box>
  );
}
