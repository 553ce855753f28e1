import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Callout, CalloutText } from "@twilio-paste/core/callout";
import { HelpText } from "@twilio-paste/core/help-text";
import { Label } from "@twilio-paste/core/label";
import { TextArea } from "@twilio-paste/core/textarea";
import { useUID } from "@twilio-paste/core/uid-library";
import { type FormEvent, type KeyboardEvent, useRef } from "react";

import { formatBytes } from "@/shared/format/numbers";
import { fill, text } from "@/texts";

import type { NewMessage } from "./api/createMessage";
import { AttachButton, useFileDrop } from "./attach";
import { Templates } from "./Templates";

const LONGEST_BYTES = 32_768;
// Twilio takes media up to 150 MB in chat, but channels far less: more than this reaches nobody.
const LARGEST_FILE_BYTES = 16 * 1024 * 1024;
const words = text.conversations.composer;

export interface Draft {
  readonly body: string;
  readonly file: File | null;
}

export const EMPTY_DRAFT: Draft = { body: "", file: null };

interface ComposerProps {
  readonly readOnly: string | null;
  /** Whether a message is on its way: the next one waits, so that they arrive in order. */
  readonly pending: boolean;
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
  readonly onSend: (message: Omit<NewMessage, "author">) => void;
}

/** Writes a message. The text is gone at once; what becomes of the message shows in the list above. */
export function Composer({ readOnly, pending, draft, onDraft, onSend }: ComposerProps) {
  const id = useUID();
  const helpId = useUID();
  const field = useRef<HTMLTextAreaElement>(null);
  const { body, file } = draft;
  const setBody = (typed: string): void => onDraft({ ...draft, body: typed });
  const setFile = (chosen: File | null): void => onDraft({ ...draft, file: chosen });
  const drop = useFileDrop(setFile);
  if (readOnly !== null) return <Callout variant="neutral">{<CalloutText>{readOnly}</CalloutText>}</Callout>;

  const bytes = new TextEncoder().encode(body).length;
  const tooLong = bytes > LONGEST_BYTES;
  const tooLarge = file !== null && file.size > LARGEST_FILE_BYTES;
  const empty = body.trim() === "" && file === null;
  const send = (): void => {
    if (empty || tooLong || tooLarge || pending) return;
    onSend({ body: body.trim(), ...(file ? { file } : {}) });
    onDraft(EMPTY_DRAFT);
    field.current?.focus();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes a character, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
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
      <Box>
        <Label htmlFor={id}>{words.label}</Label>
        <TextArea
          ref={field}
          id={id}
          value={body}
          placeholder={words.placeholder}
          hasError={tooLong}
          aria-describedby={helpId}
          minRows={2}
          maxRows={8}
          onChange={(event) => setBody(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <HelpText id={helpId} variant={tooLong ? "error" : "default"}>
          {tooLong ? fill(words.tooLong, { n: bytes }) : words.help}
        </HelpText>
      </Box>
      <Box display="flex" flexWrap="wrap" alignItems="center" columnGap="space40" rowGap="space30">
        <AttachButton onChoose={setFile} />
        <Templates
          onReply={(reply) => {
            setBody(body.trim() === "" ? reply : `${body.trimEnd()}\n${reply}`);
            field.current?.focus();
          }}
          onTemplate={(template) => onSend({ body: "", template })}
        />
        {file ? <ChosenFile file={file} tooLarge={tooLarge} onRemove={() => setFile(null)} /> : null}
        <Box flex="1" />
        <Button variant="primary" type="submit" disabled={empty || tooLong || tooLarge} loading={pending}>
          {words.send}
        </Button>
      </Box>
    </Box>
  );
}

interface ChosenFileProps {
  readonly file: File;
  readonly tooLarge: boolean;
  readonly onRemove: () => void;
}

function ChosenFile({ file, tooLarge, onRemove }: ChosenFileProps) {
  return (
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
      <Button variant="link" onClick={onRemove}>
        {words.removeFile}
      </Button>
    </Box>
  );
}
