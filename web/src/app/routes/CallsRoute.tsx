import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { CallAddIcon } from "@twilio-paste/icons/esm/CallAddIcon";
import { useState } from "react";
import { useNavigate } from "react-router";

import { LiveCalls } from "@/features/calls/LiveCalls";
import { PastCalls } from "@/features/calls/PastCalls";
import { PlaceCall } from "@/features/calls/PlaceCall";
import { useMay } from "@/shared/operator/OperatorContext";
import { PageHeader } from "@/shared/ui/PageHeader";
import { text } from "@/texts";

/** Live and past calls, and the form to place one. */
export function CallsRoute() {
  const mayCall = useMay("agent");
  const navigate = useNavigate();
  const [placing, setPlacing] = useState(false);
  return (
    <>
      <PageHeader
        title={text.calls.pageTitle}
        lead={text.calls.pageLead}
        actions={
          mayCall ? (
            <Button variant="primary" onClick={() => setPlacing(true)}>
              <CallAddIcon decorative />
              {text.calls.place.button}
            </Button>
          ) : null
        }
      />
      <Box display="flex" flexDirection="column" rowGap="space90">
        <LiveCalls />
        <PastCalls />
      </Box>
      {placing ? (
        <PlaceCall
          onClose={() => setPlacing(false)}
          onPlaced={(callSid) => void navigate(`/calls/${encodeURIComponent(callSid)}`)}
        />
      ) : null}
    </>
  );
}
