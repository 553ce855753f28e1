import { Box } from "@twilio-paste/core/box";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";

import { text } from "@/texts";

/** Shown for the moment before the first page is there: quiet, since it is short. */
export function Starting() {
  return (
    <Box minHeight="100vh" backgroundColor="colorBackgroundBody" role="status">
      <ScreenReaderOnly>{text.shell.loading}</ScreenReaderOnly>
    </Box>
  );
}
