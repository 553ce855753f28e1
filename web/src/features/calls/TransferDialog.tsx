import { useState } from "react";

import { TextField } from "@/shared/ui/Field";
import { FormDialog } from "@/shared/ui/FormDialog";
import { text } from "@/texts";

const words = text.calls.desk;

interface TransferDialogProps {
  readonly error: unknown;
  readonly pending: boolean;
  readonly onTransfer: (body: Readonly<Record<string, string>>) => void;
  readonly onClose: () => void;
}

/** Passes the caller on: to a number, or to where the agent file says. */
export function TransferDialog({ error, pending, onTransfer, onClose }: TransferDialogProps) {
  const [to, setTo] = useState("");
  const [reason, setReason] = useState("");
  const submit = (): void =>
    onTransfer({ ...(to.trim() ? { to: to.trim() } : {}), ...(reason.trim() ? { reason: reason.trim() } : {}) });
  return (
    <FormDialog
      title={words.transferTitle}
      submit={words.transfer}
      failed={words.failed}
      error={error}
      pending={pending}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextField type="tel" label={words.transferTo} help={words.transferHelp} value={to} onChange={setTo} />
      <TextField label={words.transferReason} value={reason} onChange={setReason} />
    </FormDialog>
  );
}
