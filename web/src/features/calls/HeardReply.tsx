import { Box } from "@twilio-paste/core/box";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";

import { locale, text } from "@/texts";

import type { Turn } from "./api/call";
import { heardParts } from "./heard";

/** The agent's reply, with what the caller did not hear dimmed, and said so for screen readers. */
export function HeardReply({ turn }: { readonly turn: Turn }) {
  const { heard, unheard, aligned } = heardParts(turn);
  if (unheard === "") return <>{heard}</>;
  if (!aligned) {
    return (
      <>
        {heard ? <Box marginBottom="space30">{heard}</Box> : null}
        <Unheard words={unheard} />
      </>
    );
  }
  return (
    <>
      {heard}
      <Unheard words={unheard} />
    </>
  );
}

function Unheard({ words }: { readonly words: string }) {
  return (
    <Box as="span" color="colorTextWeak" fontStyle="italic" title={text.calls.unheardTitle}>
      <ScreenReaderOnly lang={locale}> {text.calls.unheard} </ScreenReaderOnly>
      {words}
    </Box>
  );
}
