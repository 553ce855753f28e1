import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Callout, CalloutHeading, CalloutText } from "@twilio-paste/core/callout";
import type { ReactNode } from "react";

import { describeError } from "@/shared/api/describeError";
import { fill, text } from "@/texts";

interface ErrorNoticeProps {
  /** What could not be loaded, as the start of a sentence. */
  readonly what: string;
  readonly error: unknown;
  readonly onRetry: () => void;
  readonly retrying?: boolean;
}

/** What happened, and a way to try again. */
export function ErrorNotice({ what, error, onRetry, retrying = false }: ErrorNoticeProps) {
  return (
    <Box role="alert">
      <Callout variant="error">
        <CalloutHeading as="h3">{fill(text.errors.heading, { what })}</CalloutHeading>
        <CalloutText>{describeError(error)}</CalloutText>
        <Box marginTop="space40">
          <Button variant="secondary" size="small" onClick={onRetry} loading={retrying}>
            {text.errors.retry}
          </Button>
        </Box>
      </Callout>
    </Box>
  );
}

interface EmptyNoticeProps {
  readonly title?: string;
  /** What to do next; words between back ticks are shown as code. */
  readonly detail: string;
  readonly action?: ReactNode;
  /** False inside a box that has a border of its own. */
  readonly framed?: boolean;
}

/** Nothing there yet, and what to do about it. */
export function EmptyNotice({ title, detail, action, framed = true }: EmptyNoticeProps) {
  return (
    <Box
      borderStyle="dashed"
      borderWidth={framed ? "borderWidth10" : "borderWidth0"}
      borderColor="colorBorderWeak"
      borderRadius="borderRadius30"
      padding="space70"
      textAlign="center"
      fontSize="fontSize30"
      lineHeight="lineHeight30"
    >
      {title ? (
        <Box color="colorText" fontWeight="fontWeightSemibold" marginBottom="space20">
          {title}
        </Box>
      ) : null}
      <Box color="colorTextWeak">
        <WithCode words={detail} />
      </Box>
      {action ? <Box marginTop="space50">{action}</Box> : null}
    </Box>
  );
}

/** A text in which words between back ticks are code. */
export function WithCode({ words }: { readonly words: string }) {
  const parts = words.split("`");
  return (
    <>
      {parts.map((part, position) =>
        position % 2 === 0 ? (
          part
        ) : (
          <Box
            key={part}
            as="code"
            fontFamily="fontFamilyCode"
            fontSize="fontSize20"
            color="colorText"
            overflowWrap="anywhere"
          >
            {part}
          </Box>
        ),
      )}
    </>
  );
}
