import { useQueryClient } from "@tanstack/react-query";
import { Box } from "@twilio-paste/core/box";
import { Modal, ModalBody, ModalHeader, ModalHeading } from "@twilio-paste/core/modal";
import { useUID } from "@twilio-paste/core/uid-library";

import { text } from "@/texts";

import type { Session } from "./api/session";
import { useSignInAgain } from "./api/signIn";
import { clearSessionEnded } from "./sessionEnd";
import { SignInForm } from "./SignInForm";

interface SignInAgainProps {
  readonly before: Session;
  /** Another operator or role has signed in: nothing of the page may stay. */
  readonly onOther: () => void;
  readonly onLeave: () => void;
}

/** Signs in over the page when a session ends while working, so that nothing typed is lost. */
export function SignInAgain({ before, onOther, onLeave }: SignInAgainProps) {
  const id = useUID();
  const client = useQueryClient();
  const signIn = useSignInAgain();
  const submit = (token: string): void =>
    signIn.mutate(token, {
      onSuccess: (session) => {
        if (session.name !== before.name || session.role !== before.role) return onOther();
        clearSessionEnded(client);
        void client.invalidateQueries();
        // The live connection tries again when the network returns; for it, this is the same.
        window.dispatchEvent(new Event("online"));
      },
    });
  return (
    <Modal ariaLabelledby={id} isOpen onDismiss={onLeave} size="default">
      <ModalHeader i18nDismissLabel={text.signIn.leave}>
        <ModalHeading as="h2" id={id}>
          {text.signIn.title}
        </ModalHeading>
      </ModalHeader>
      <ModalBody>
        <Box color="colorTextWeak" fontSize="fontSize30" lineHeight="lineHeight30" marginBottom="space60">
          {text.signIn.endedHere}
        </Box>
        <SignInForm error={signIn.error} pending={signIn.isPending} onSubmit={submit} />
      </ModalBody>
    </Modal>
  );
}
