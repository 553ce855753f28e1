import { Box } from "@twilio-paste/core/box";
import { forwardRef, type ReactNode } from "react";

/** The h1; can be focused by the console, not by tabbing. */
export const PageHeading = forwardRef<HTMLHeadingElement, { readonly children: ReactNode }>(function PageHeading(
  { children },
  ref,
) {
  return (
    <Box
      as="h1"
      ref={ref}
      tabIndex={-1}
      margin="space0"
      color="colorText"
      fontSize="fontSize70"
      lineHeight="lineHeight70"
      fontWeight="fontWeightBold"
      overflowWrap="anywhere"
      outline="none"
    >
      {children}
    </Box>
  );
});
