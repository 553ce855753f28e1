import { useRef, useState } from "react";

import { hasStatus } from "@/shared/api/apiError";
import { TextField } from "@/shared/ui/Field";
import { FormDialog } from "@/shared/ui/FormDialog";
import { text } from "@/texts";

import type { Conversation } from "./api/conversation";
import { useCreateConversation } from "./api/createConversation";

const LONGEST_NAME = 256;
const words = text.conversations.form;

interface CreateConversationProps {
  readonly onCreated: (conversation: Conversation) => void;
  readonly onClose: () => void;
}

/** The form for a new conversation, over the list. */
export function CreateConversation({ onCreated, onClose }: CreateConversationProps) {
  const nameField = useRef<HTMLInputElement>(null);
  const create = useCreateConversation();
  const [name, setName] = useState("");
  const [uniqueName, setUniqueName] = useState("");
  const [checked, setChecked] = useState(false);
  const taken = hasStatus(create.error, 409);

  const submit = (): void => {
    setChecked(true);
    if (faultOf(name) !== null) return nameField.current?.focus();
    const unique = uniqueName.trim();
    create.mutate({ friendlyName: name.trim(), ...(unique ? { uniqueName: unique } : {}) }, { onSuccess: onCreated });
  };

  return (
    <FormDialog
      title={words.title}
      submit={words.submit}
      failed={words.failed}
      error={taken ? null : create.error}
      pending={create.isPending}
      initialFocusRef={nameField}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextField
        ref={nameField}
        label={words.name}
        help={words.nameHelp}
        fault={checked ? faultOf(name) : null}
        value={name}
        onChange={setName}
        required
      />
      <TextField
        label={words.uniqueName}
        help={words.uniqueNameHelp}
        fault={taken ? words.taken : null}
        value={uniqueName}
        onChange={(value) => {
          setUniqueName(value);
          if (taken) create.reset();
        }}
      />
    </FormDialog>
  );
}

function faultOf(name: string): string | null {
  const trimmed = name.trim();
  if (trimmed === "") return words.nameRequired;
  return trimmed.length > LONGEST_NAME ? words.nameTooLong : null;
}
