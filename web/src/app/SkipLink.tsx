import { Box } from "@twilio-paste/core/box";
import type { ReactNode } from "react";

/** Out of sight until it has the focus: the way past navigation for keyboards. */
export function SkipLink({ target, children }: { readonly target: string; readonly children: ReactNode }) {
  return (
    <Box
      as="a"
      href={`#${target}`}
      position="fixed"
      top="space30"
      left="space30"
      zIndex="zIndex90"
      padding="space40"
      borderRadius="borderRadius20"
      backgroundColor="colorBackgroundBody"
      boxShadow="shadowFocus"
      color="colorTextLink"
      fontSize="fontSize30"
      transform="translateY(-200%)"
      _focus={{ transform: "translateY(0)" }}
    >
      {children}
    </Box>
  );
}
