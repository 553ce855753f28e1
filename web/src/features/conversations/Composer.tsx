import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Callout, CalloutHeading, CalloutText } from "@twilio-paste/core/callout";
import { HelpText } from "@twilio-paste/core/help-text";
import { Label } from "@twilio-paste/core/label";
import { TextArea } from "@twilio-paste/core/textarea";
import { useUID } from "@twilio-paste/core/uid-library";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";

import { describeError } from "@/shared/api/describeError";
import { formatBytes } from "@/shared/format/numbers";
import { fill, text } from "@/texts";

import { AttachButton, useFileDrop } from "./attach";

const LONGEST_BYTES = 32_768;
// Twilio takes media up to 150 MB in chat, but channels far less: more than this reaches nobody.
const LARGEST_FILE_BYTES = 16 * 1024 * 1024;
const words = text.conversations.composer;

interface ComposerProps {
  readonly readOnly: string | null;
  readonly error: unknown;
  readonly pending: boolean;
  /** Resolves when the message is sent; rejects with the reason, and the text comes back. */
  readonly onSend: (body: string, file: File | null) => Promise<unknown>;
}

/** Writes a message. The text is gone at once and comes back when sending fails. */
export function Composer({ readOnly, error, pending, onSend }: ComposerProps) {
  const id = useUID();
  const helpId = useUID();
  const field = useRef<HTMLTextAreaElement>(null);
  const [draft, setDraft] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const drop = useFileDrop(setFile);
  if (readOnly !== null) return <Callout variant="neutral">{<CalloutText>{readOnly}</CalloutText>}</Callout>;

  const bytes = new TextEncoder().encode(draft).length;
  const tooLong = bytes > LONGEST_BYTES;
  const tooLarge = file !== null && file.size > LARGEST_FILE_BYTES;
  const send = async (): Promise<void> => {
    const body = draft.trim();
    if ((body === "" && file === null) || tooLong || tooLarge || pending) return;
    setDraft("");
    setFile(null);
    field.current?.focus();
    try {
      await onSend(body, file);
    } catch {
      // Shown above as the mutation's error; what was typed meanwhile goes below what could not be sent.
      setDraft((since) => (since ? `${body}\n${since}` : body));
      setFile((since) => since ?? file);
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
    <Box
      as="form"
      onSubmit={submit}
      {...drop.handlers}
      display="flex"
      flexDirection="column"
      rowGap="space40"
      borderRadius="borderRadius30"
      boxShadow={drop.over ? "shadowBorderPrimaryStrong" : "none"}
    >
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
      <Box display="flex" flexWrap="wrap" alignItems="center" columnGap="space40" rowGap="space30">
        <AttachButton onChoose={setFile} />
        {file ? (
          <Box
            display="flex"
            alignItems="center"
            columnGap="space30"
            minWidth="0"
            color={tooLarge ? "colorTextError" : "colorText"}
            fontSize="fontSize30"
            lineHeight="lineHeight30"
          >
            <Box as="span" overflowWrap="anywhere">
              {file.name}, {formatBytes(file.size)}
              {tooLarge ? `. ${words.fileTooLarge}` : ""}
            </Box>
            <Button variant="link" onClick={() => setFile(null)}>
              {words.removeFile}
            </Button>
          </Box>
        ) : null}
        <Box flex="1" />
        <Button
          variant="primary"
          type="submit"
          disabled={(draft.trim() === "" && file === null) || tooLong || tooLarge}
          loading={pending}
        >
          {words.send}
        </Button>
      </Box>
    </Box>
  );
}
