import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { useState } from "react";

import { useMay } from "@/shared/operator/OperatorContext";
import { ConfirmDialog } from "@/shared/ui/ConfirmDialog";
import { AreaField } from "@/shared/ui/Field";
import { FormDialog } from "@/shared/ui/FormDialog";
import { text } from "@/texts";

import type { Message } from "./api/conversation";
import { useDeleteMessage, useEditMessage } from "./api/messages";
import { Receipts } from "./Receipts";

const words = text.conversations.message;
type Asking = "edit" | "delete" | "receipts" | null;

interface MessageActionsProps {
  readonly sid: string;
  readonly message: Message;
  readonly readOnly: boolean;
}

/** What can be done with a message: who got it, change it, delete it. */
export function MessageActions({ sid, message, readOnly }: MessageActionsProps) {
  const mayEdit = useMay("agent") && !readOnly;
  const mayDelete = useMay("supervisor") && !readOnly;
  const [asking, setAsking] = useState<Asking>(null);
  const close = (): void => setAsking(null);
  return (
    <Box display="flex" columnGap="space30" marginTop="space10">
      {message.delivery ? (
        <Action label={words.receipts} index={message.index} onClick={() => setAsking("receipts")} />
      ) : null}
      {mayEdit && message.body ? (
        <Action label={text.manage.edit} index={message.index} onClick={() => setAsking("edit")} />
      ) : null}
      {mayDelete ? (
        <Action label={text.manage.delete} index={message.index} onClick={() => setAsking("delete")} />
      ) : null}
      {asking === "receipts" ? <Receipts sid={sid} message={message} onClose={close} /> : null}
      {asking === "edit" ? <EditMessage sid={sid} message={message} onClose={close} /> : null}
      {asking === "delete" ? <DeleteMessage sid={sid} message={message} onClose={close} /> : null}
    </Box>
  );
}

function Action({
  label,
  index,
  onClick,
}: {
  readonly label: string;
  readonly index: number;
  readonly onClick: () => void;
}) {
  return (
    <Button variant="link" size="reset" aria-label={`${label}, ${words.one} ${String(index)}`} onClick={onClick}>
      <Box as="span" fontSize="fontSize20" lineHeight="lineHeight20">
        {label}
      </Box>
    </Button>
  );
}

interface DialogProps {
  readonly sid: string;
  readonly message: Message;
  readonly onClose: () => void;
}

function EditMessage({ sid, message, onClose }: DialogProps) {
  const edit = useEditMessage(sid);
  const [body, setBody] = useState(message.body);
  return (
    <FormDialog
      title={words.editTitle}
      submit={text.manage.save}
      failed={words.notSaved}
      error={edit.error}
      pending={edit.isPending}
      disabled={body.trim() === ""}
      onSubmit={() => {
        if (body.trim() !== "") edit.mutate({ messageSid: message.sid, body: body.trim() }, { onSuccess: onClose });
      }}
      onClose={onClose}
    >
      <AreaField label={text.conversations.composer.label} value={body} onChange={setBody} />
    </FormDialog>
  );
}

function DeleteMessage({ sid, message, onClose }: DialogProps) {
  const remove = useDeleteMessage(sid);
  return (
    <ConfirmDialog
      title={words.deleteTitle}
      detail={words.deleteDetail}
      submit={text.manage.delete}
      failed={words.notDeleted}
      error={remove.error}
      pending={remove.isPending}
      onConfirm={() => remove.mutate(message.sid, { onSuccess: onClose })}
      onClose={onClose}
    />
  );
}
