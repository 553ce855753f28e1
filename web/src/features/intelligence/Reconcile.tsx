import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { useState } from "react";

import { TextField } from "@/shared/ui/Field";
import { FormDialog } from "@/shared/ui/FormDialog";
import { useToast } from "@/shared/ui/toasts";
import { fill, text } from "@/texts";

import { useReconcile } from "./api/actions";

const words = text.intelligence;

/** Fills in what no webhook told. */
export function Reconcile() {
  const [asking, setAsking] = useState(false);
  const [since, setSince] = useState("");
  const reconcile = useReconcile();
  const toast = useToast();
  const close = (): void => {
    setAsking(false);
    reconcile.reset();
  };
  const submit = (): void =>
    reconcile.mutate(since === "" ? "" : new Date(`${since}T00:00:00`).toISOString(), {
      onSuccess: ({ listed, filled }) => {
        toast(fill(words.reconciled, { listed, filled }));
        close();
      },
    });
  return (
    <>
      <Button variant="secondary" onClick={() => setAsking(true)}>
        {words.reconcile}
      </Button>
      {asking ? (
        <FormDialog
          title={words.reconcileTitle}
          submit={words.reconcile}
          failed={words.reconcileFailed}
          error={reconcile.error}
          pending={reconcile.isPending}
          onSubmit={submit}
          onClose={close}
        >
          <Box color="colorText" fontSize="fontSize30" lineHeight="lineHeight30">
            {words.reconcileDetail}
          </Box>
          <TextField type="date" label={words.since} value={since} onChange={setSince} />
        </FormDialog>
      ) : null}
    </>
  );
}
