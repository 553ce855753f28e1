import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { useState } from "react";

import { describeError } from "@/shared/api/describeError";
import { useMay } from "@/shared/operator/OperatorContext";
import { ConfirmDialog } from "@/shared/ui/ConfirmDialog";
import { useToast } from "@/shared/ui/toasts";
import { text } from "@/texts";

import type { Call } from "./api/call";
import { type Operation, useOperateCall } from "./api/operateCall";
import { SpeakForm } from "./SpeakForm";
import { TransferDialog } from "./TransferDialog";

const words = text.calls.desk;

/** What the operator may do to a live call: speak, whisper to the model, take over, transfer, end. */
export function CallActions({ call }: { readonly call: Call }) {
  const mayAct = useMay("agent");
  const mayEnd = useMay("supervisor");
  const operate = useOperateCall(call.call_sid);
  const toast = useToast();
  const [asking, setAsking] = useState<"end" | "transfer" | null>(null);
  if (!mayAct || call.state !== "live") return null;
  const act = (operation: Operation, body?: Readonly<Record<string, string>>): Promise<unknown> =>
    operate.mutateAsync({ operation, ...(body ? { body } : {}) });
  const quick = (operation: "takeover" | "release"): void => {
    act(operation).then(
      () => toast(words.done[operation]),
      (error: unknown) => toast(describeError(error), "error"),
    );
  };
  const close = (): void => {
    setAsking(null);
    operate.reset();
  };
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      <Box display="flex" flexWrap="wrap" columnGap="space30" rowGap="space30">
        {call.taken_over_by ? (
          <Button variant="secondary" size="small" onClick={() => quick("release")}>
            {words.release}
          </Button>
        ) : (
          <Button variant="secondary" size="small" onClick={() => quick("takeover")}>
            {words.takeover}
          </Button>
        )}
        <Button variant="secondary" size="small" onClick={() => setAsking("transfer")}>
          {words.transfer}
        </Button>
        {mayEnd ? (
          <Button variant="destructive_secondary" size="small" onClick={() => setAsking("end")}>
            {words.end}
          </Button>
        ) : null}
      </Box>
      {call.taken_over_by ? (
        <Box role="status" color="colorText" fontSize="fontSize30" lineHeight="lineHeight30">
          {words.heldBy.replace("{name}", call.taken_over_by)}
        </Box>
      ) : null}
      <SpeakForm onSpeak={(how, said) => act(how, { text: said })} />
      {asking === "end" ? (
        <ConfirmDialog
          title={words.endTitle}
          detail={words.endDetail}
          submit={words.end}
          failed={words.failed}
          error={operate.error}
          pending={operate.isPending}
          onConfirm={() => void act("end").then(close, () => undefined)}
          onClose={close}
        />
      ) : null}
      {asking === "transfer" ? (
        <TransferDialog
          error={operate.error}
          pending={operate.isPending}
          onTransfer={(body) => void act("transfer", body).then(close, () => undefined)}
          onClose={close}
        />
      ) : null}
    </Box>
  );
}
