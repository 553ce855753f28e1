import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Callout, CalloutHeading, CalloutText } from "@twilio-paste/core/callout";
import { Modal, ModalBody, ModalFooter, ModalFooterActions, ModalHeader, ModalHeading } from "@twilio-paste/core/modal";
import { useUID } from "@twilio-paste/core/uid-library";
import type { FormEvent, ReactNode, RefObject } from "react";

import { describeError } from "@/shared/api/describeError";
import { text } from "@/texts";

interface FormDialogProps {
  readonly title: string;
  readonly submit: string;
  /** What is said above an error, such as "The user was not created". */
  readonly failed: string;
  readonly error: unknown;
  readonly pending: boolean;
  readonly destructive?: boolean;
  readonly disabled?: boolean;
  readonly wide?: boolean;
  readonly initialFocusRef?: RefObject<HTMLElement>;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A form over the page. It stays open with what was typed until `onClose`; an error shows above the fields. */
export function FormDialog(props: FormDialogProps) {
  const { title, submit, failed, error, pending, destructive = false, disabled = false, wide = false } = props;
  const [headingId, formId] = [useUID(), useUID()];
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    props.onSubmit();
  };
  return (
    <Modal
      ariaLabelledby={headingId}
      isOpen
      onDismiss={props.onClose}
      size={wide ? "wide" : "default"}
      {...(props.initialFocusRef ? { initialFocusRef: props.initialFocusRef } : {})}
    >
      <ModalHeader i18nDismissLabel={text.dialog.close}>
        <ModalHeading as="h2" id={headingId}>
          {title}
        </ModalHeading>
      </ModalHeader>
      <ModalBody>
        <form id={formId} noValidate onSubmit={onSubmit}>
          <Box display="flex" flexDirection="column" rowGap="space60">
            {error ? (
              <Box role="alert">
                <Callout variant="error">
                  <CalloutHeading as="h3">{failed}</CalloutHeading>
                  <CalloutText>{describeError(error)}</CalloutText>
                </Callout>
              </Box>
            ) : null}
            {props.children}
          </Box>
        </form>
      </ModalBody>
      <ModalFooter>
        <ModalFooterActions>
          <Button variant="secondary" onClick={props.onClose}>
            {text.dialog.cancel}
          </Button>
          <Button
            variant={destructive ? "destructive" : "primary"}
            type="submit"
            form={formId}
            loading={pending}
            disabled={disabled}
          >
            {submit}
          </Button>
        </ModalFooterActions>
      </ModalFooter>
    </Modal>
  );
}
