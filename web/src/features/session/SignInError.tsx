import { Box } from "@twilio-paste/core/box";
import { Callout, CalloutHeading, CalloutText } from "@twilio-paste/core/callout";

import { hasStatus } from "@/shared/api/apiError";
import { describeError } from "@/shared/api/describeError";
import { formatDuration } from "@/shared/format/times";
import { fill, text } from "@/texts";

interface SignInErrorProps {
  readonly error: Error;
  /** Seconds until another attempt counts; 0 when there is nothing to wait for. */
  readonly waitS: number;
}

/** Why signing in failed, and when to try again. */
export function SignInError({ error, waitS }: SignInErrorProps) {
  return (
    <Box role="alert">
      <Callout variant="error">
        <CalloutHeading as="h2">{text.signIn.failed}</CalloutHeading>
        {/* The count runs in silence: an alert that changes every second would be read every second. */}
        <CalloutText aria-live="off">{sentence(error, waitS)}</CalloutText>
      </Callout>
    </Box>
  );
}

function sentence(error: Error, waitS: number): string {
  if (hasStatus(error, 401)) return text.signIn.invalid;
  if (!hasStatus(error, 429)) return describeError(error);
  return waitS > 0 ? fill(text.signIn.tooMany, { wait: formatDuration(waitS) }) : text.signIn.tooManyOver;
}
