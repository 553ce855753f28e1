import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Callout, CalloutHeading, CalloutText } from "@twilio-paste/core/callout";
import { HelpText } from "@twilio-paste/core/help-text";
import { Input } from "@twilio-paste/core/input";
import { Label } from "@twilio-paste/core/label";
import { Modal, ModalBody, ModalFooter, ModalFooterActions, ModalHeader, ModalHeading } from "@twilio-paste/core/modal";
import { useUID } from "@twilio-paste/core/uid-library";
import { type FormEvent, type RefObject, useRef, useState } from "react";

import { hasStatus } from "@/shared/api/apiError";
import { describeError } from "@/shared/api/describeError";
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
  const headingId = useUID();
  const formId = useUID();
  const nameField = useRef<HTMLInputElement>(null);
  const create = useCreateConversation();
  const [name, setName] = useState("");
  const [uniqueName, setUniqueName] = useState("");
  const [checked, setChecked] = useState(false);
  const nameFault = checked ? faultOf(name) : null;
  const taken = hasStatus(create.error, 409);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setChecked(true);
    if (faultOf(name) !== null) return nameField.current?.focus();
    const unique = uniqueName.trim();
    create.mutate({ friendlyName: name.trim(), ...(unique ? { uniqueName: unique } : {}) }, { onSuccess: onCreated });
  };

  return (
    <Modal ariaLabelledby={headingId} isOpen onDismiss={onClose} size="default" initialFocusRef={nameField}>
      <ModalHeader i18nDismissLabel={words.close}>
        <ModalHeading as="h2" id={headingId}>
          {words.title}
        </ModalHeading>
      </ModalHeader>
      <ModalBody>
        <form id={formId} noValidate onSubmit={submit}>
          <Box display="flex" flexDirection="column" rowGap="space60">
            {create.isError && !taken ? (
              <Box role="alert">
                <Callout variant="error">
                  <CalloutHeading as="h3">{words.failed}</CalloutHeading>
                  <CalloutText>{describeError(create.error)}</CalloutText>
                </Callout>
              </Box>
            ) : null}
            <Field
              label={words.name}
              help={words.nameHelp}
              fault={nameFault}
              value={name}
              onChange={setName}
              inputRef={nameField}
              required
            />
            <Field
              label={words.uniqueName}
              help={words.uniqueNameHelp}
              fault={taken ? words.taken : null}
              value={uniqueName}
              onChange={(value) => {
                setUniqueName(value);
                if (taken) create.reset();
              }}
            />
          </Box>
        </form>
      </ModalBody>
      <ModalFooter>
        <ModalFooterActions>
          <Button variant="secondary" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button variant="primary" type="submit" form={formId} loading={create.isPending}>
            {words.submit}
          </Button>
        </ModalFooterActions>
      </ModalFooter>
    </Modal>
  );
}

function faultOf(name: string): string | null {
  const trimmed = name.trim();
  if (trimmed === "") return words.nameRequired;
  return trimmed.length > LONGEST_NAME ? words.nameTooLong : null;
}

interface FieldProps {
  readonly label: string;
  readonly help: string;
  readonly fault: string | null;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly inputRef?: RefObject<HTMLInputElement>;
  readonly required?: boolean;
}

function Field({ label, help, fault, value, onChange, inputRef, required = false }: FieldProps) {
  const id = useUID();
  const helpId = useUID();
  return (
    <Box>
      <Label htmlFor={id} required={required}>
        {label}
      </Label>
      <Input
        ref={inputRef}
        id={id}
        type="text"
        value={value}
        required={required}
        hasError={fault !== null}
        aria-describedby={helpId}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
      <Box aria-live="polite">
        <HelpText id={helpId} variant={fault === null ? "default" : "error"}>
          {fault ?? help}
        </HelpText>
      </Box>
    </Box>
  );
}
