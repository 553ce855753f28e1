import { Box } from "@twilio-paste/core/box";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";

import { EmptyNotice } from "@/shared/ui/notices";
import { useStickToEnd } from "@/shared/ui/useStickToEnd";
import { text } from "@/texts";

import type { Line, PhoneCall } from "./phoneCall";

const words = text.phone;

/** What is said: the agent's words grey until they are spoken, dimmed and said so when they never were. */
export function PhoneTranscript({ call }: { readonly call: PhoneCall }) {
  const end = useStickToEnd(undefined);
  return (
    <Box
      {...end}
      role="log"
      aria-label={words.transcript}
      tabIndex={0}
      height="min(28rem, 52vh)"
      overflowY="auto"
      display="flex"
      flexDirection="column"
      rowGap="space40"
      padding="space50"
      borderRadius="borderRadius30"
      borderStyle="solid"
      borderWidth="borderWidth10"
      borderColor="colorBorderWeaker"
      outline="none"
      _focusVisible={{ boxShadow: "shadowFocus" }}
    >
      {call.lines.length === 0 ? (
        <Box margin="auto">
          <EmptyNotice title={words.states[call.state]} detail={words.idleDetail} framed={false} />
        </Box>
      ) : (
        call.lines.map((line) =>
          line.who === "note" ? <Note key={line.id} line={line} /> : <Speech key={line.id} line={line} />,
        )
      )}
    </Box>
  );
}

function Note({ line }: { readonly line: Line }) {
  return (
    <Box textAlign="center" color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20">
      {line.heard}
    </Box>
  );
}

function Speech({ line }: { readonly line: Line }) {
  const own = line.who === "you";
  return (
    <Box alignSelf={own ? "flex-end" : "flex-start"} maxWidth="92%">
      <Box color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20" textAlign={own ? "right" : "left"}>
        {own ? words.you : words.agent}
        <ScreenReaderOnly>:</ScreenReaderOnly>
      </Box>
      <Box
        paddingX="space50"
        paddingY="space30"
        borderRadius="borderRadius40"
        backgroundColor={own ? "colorBackgroundPrimaryWeakest" : "colorBackground"}
        color="colorText"
        fontSize="fontSize30"
        lineHeight="lineHeight30"
        overflowWrap="anywhere"
        lang={line.language || undefined}
      >
        {line.heard}
        {line.pending === "" ? null : (
          <Box as="span" color="colorTextWeak" fontStyle={line.cut ? "italic" : "normal"}>
            {line.cut ? <ScreenReaderOnly> ({words.notHeard}) </ScreenReaderOnly> : null}
            {line.pending}
          </Box>
        )}
      </Box>
    </Box>
  );
}
