import { useParams } from "react-router";

import { CallPage } from "@/features/calls/CallPage";

export function CallRoute() {
  const { callSid = "" } = useParams();
  return <CallPage key={callSid} callSid={callSid} />;
}
