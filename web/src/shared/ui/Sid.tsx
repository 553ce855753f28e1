import { Box } from "@twilio-paste/core/box";

/** An identifier of Twilio. */
export function Sid({ children }: { readonly children: string }) {
  return (
    <Box as="code" fontFamily="fontFamilyCode" fontSize="fontSize20">
      {children}
    </Box>
  );
}
