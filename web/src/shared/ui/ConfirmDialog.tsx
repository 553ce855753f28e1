import { Box } from "@twilio-paste/core/box";
import { useRef, useState } from "react";

import { fill, text } from "@/texts";

import { TextField } from "./Field";
import { FormDialog } from "./FormDialog";

interface ConfirmDialogProps {
  readonly title: string;
  /** What will happen, in a sentence or two. */
  readonly detail: string;
  readonly submit: string;
  readonly failed: string;
  readonly error: unknown;
  readonly pending: boolean;
  /** What has to be typed first; for what hits many things at once. */
  readonly typed?: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something is lost. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, detail, submit, failed, error, pending, typed, onConfirm, onClose } = props;
  const [words, setWords] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const ready = typed === undefined || words.trim() === typed;
  return (
    <FormDialog
      title={title}
      submit={submit}
      failed={failed}
      error={error}
      pending={pending}
      destructive
      disabled={!ready}
      {...(typed === undefined ? {} : { initialFocusRef: field })}
      onSubmit={() => {
        if (ready && !pending) onConfirm();
      }}
      onClose={onClose}
    >
      <Box color="colorText" fontSize="fontSize30" lineHeight="lineHeight30" overflowWrap="anywhere">
        {detail}
      </Box>
      {typed === undefined ? null : (
        <TextField ref={field} label={fill(text.dialog.typeName, { name: typed })} value={words} onChange={setWords} />
      )}
    </FormDialog>
  );
}
