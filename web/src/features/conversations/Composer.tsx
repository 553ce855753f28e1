import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Callout, CalloutHeading, CalloutText } from "@twilio-paste/core/callout";
import { HelpText } from "@twilio-paste/core/help-text";
import { Label } from "@twilio-paste/core/label";
import { TextArea } from "@twilio-paste/core/textarea";
import { useUID } from "@twilio-paste/core/uid-library";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";

import { describeError } from "@/shared/api/describeError";
import { fill, text } from "@/texts";

const LONGEST_BYTES = 32_768;
const words = text.conversations.composer;

interface ComposerProps {
  readonly readOnly: string | null;
  readonly error: unknown;
  readonly pending: boolean;
  /** Resolves when the message is sent; rejects with the reason, and the text comes back. */
  readonly onSend: (body: string) => Promise<unknown>;
}

/** Writes a message. The text is gone at once and comes back when sending fails. */
export function Composer({ readOnly, error, pending, onSend }: ComposerProps) {
  const id = useUID();
  const helpId = useUID();
  const field = useRef<HTMLTextAreaElement>(null);
  const [draft, setDraft] = useState("");
  if (readOnly !== null) return <Callout variant="neutral">{<CalloutText>{readOnly}</CalloutText>}</Callout>;

  const bytes = new TextEncoder().encode(draft).length;
  const tooLong = bytes > LONGEST_BYTES;
  const send = async (): Promise<void> => {
    const body = draft.trim();
    if (body === "" || tooLong || pending) return;
    setDraft("");
    field.current?.focus();
    try {
      await onSend(body);
    } catch {
      // Shown above as the mutation's error; what was typed meanwhile goes below what could not be sent.
      setDraft((since) => (since ? `${body}\n${since}` : body));
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void send();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes a character, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };

  return (
    <Box as="form" onSubmit={submit} display="flex" flexDirection="column" rowGap="space40">
      {error ? (
        <Box role="alert">
          <Callout variant="error">
            <CalloutHeading as="h3">{words.failed}</CalloutHeading>
            <CalloutText>{describeError(error)}</CalloutText>
          </Callout>
        </Box>
      ) : null}
      <Box>
        <Label htmlFor={id}>{words.label}</Label>
        <TextArea
          ref={field}
          id={id}
          value={draft}
          placeholder={words.placeholder}
          hasError={tooLong}
          aria-describedby={helpId}
          minRows={2}
          maxRows={8}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <HelpText id={helpId} variant={tooLong ? "error" : "default"}>
          {tooLong ? fill(words.tooLong, { n: bytes }) : words.help}
        </HelpText>
      </Box>
      <Box display="flex" justifyContent="flex-end">
        <Button variant="primary" type="submit" disabled={draft.trim() === "" || tooLong} loading={pending}>
          {words.send}
        </Button>
      </Box>
    </Box>
  );
}
